"""A worker that computes the same from the same checkpoint, unless its environment makes it another machine."""

import json
import os
import time

checkpoints = os.environ["ORCH_CHECKPOINTS"]
drift = float(os.environ.get("DRIFT", "0"))


def say(**event):
    with open(os.environ["ORCH_EVENTS"], "a") as file:
        file.write(json.dumps({**event, "time": time.time()}) + "\n")


value, start = float(os.environ["ORCH_SEED"]) + 0.3, 0
saved = sorted(os.listdir(checkpoints))
if saved:
    start = int(saved[-1])
    with open(os.path.join(checkpoints, saved[-1])) as file:
        value = float(file.read())
seconds = {"seconds": {"description": "Time.", "unit": "s"}}
hello = {"protocol": 1, "program": "deterministic.py", "build": os.environ.get("BUILD", "b1")}
resumed = {"resumed_from": start} if saved else {}
say(event="hello", deterministic=True, metrics=seconds, **hello, **resumed)
for step in range(start + 1, 9):
    value = value * 1.1 + drift
    say(event="metrics", step=step, values={"loss": value, "seconds": time.time()})
    say(event="metrics", step=step, item="x", values={"loss": value / 2})
    if step % 2 == 0:
        name = f"{step:02}"
        partial = os.path.join(checkpoints, ".." , "partial")
        with open(partial, "w") as file:
            file.write(repr(value))
        os.rename(partial, os.path.join(checkpoints, name))
        say(event="checkpoint", step=step, path=f"checkpoints/{name}")
say(event="result", values={"loss": value, "seconds": time.time()})
