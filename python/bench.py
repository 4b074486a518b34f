"""Prints the cost of the helper's calls in an attempt, in microseconds: `make bench-python`.

The best of many short rounds is the cost on an idle machine; the mean has what else goes on.
"""

import json
import os
import statistics
import tempfile
import timeit
from pathlib import Path

ROUNDS, CALLS = 200, 500

folder = Path(tempfile.mkdtemp(dir="."))
(folder / "trial.json").write_text(json.dumps({"config": {}, "seed": 0}))
os.environ.update(ORCH_TRIAL=str(folder / "trial.json"), ORCH_EVENTS=str(folder / "events.jsonl"))

import orch  # noqa: E402  the environment is read on import

step = iter(range(10**9))
values = {"train/loss": 0.123456789, "train/accuracy": 0.9}
line = b"x" * 99 + b"\n"
file = os.open(folder / "plain", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

for name, call in {
    "a write of 100 bytes alone": lambda: os.write(file, line),
    "orch.log, one value": lambda: orch.log(next(step), loss=0.123456789),
    "orch.log, two values": lambda: orch.log(next(step), values),
    "orch.progress": lambda: orch.progress(next(step), 10**9),
    "orch.should_stop": orch.should_stop,
}.items():
    times = [time / CALLS * 1e6 for time in timeit.repeat(call, number=CALLS, repeat=ROUNDS)]
    print(f"{name:28} best {min(times):6.2f}  mean {statistics.mean(times):6.2f}")
for path in folder.iterdir():
    path.unlink()
folder.rmdir()
