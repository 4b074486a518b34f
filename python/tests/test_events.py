"""Events against their only reader: `orch` skips none of the lines, and has every value."""

import math
import subprocess
import sys

YAML = """
    orch: 1
    name: trip
    worker: {command: [python3, train.py]}
    config: {lr: 0.5, model: {width: 3}}
    variants: {a: {}}
    seeds: [7]
    report: {table: {name: t, columns: [{metric: psnr}]}}
"""


def test_orch_reads_every_value(experiment):
    experiment.write(
        """
        import decimal, fractions
        import numpy, torch
        import orch

        config = orch.config({"lr": 1, "batch": 8}, model={"depth": 2})
        assert (config.lr, config.batch, config.model.width, config["model"]["depth"]) == (0.5, 8, 3, 2)
        assert orch.seed() == 7
        orch.log(1, loss=1)
        orch.log(numpy.int64(2), {"loss": numpy.float32(0.25), "val/psnr": torch.tensor(20.5)}, more=True)
        orch.log(3, loss=torch.tensor(0.125, requires_grad=True), half=fractions.Fraction(1, 2))
        orch.log(4.0, loss=float("nan"))
        orch.log(5, {"loss": float("inf"), "low": -numpy.inf})
        orch.log(6, item="003", psnr=numpy.array(19.5), big=10**300, no="20", none=None, ten=[1, 2])
        orch.log(7, {"na\\u00efve \\U0001f600 \\ud800": 1, "x" * 257: 1, "x\\ty": 1, 8: 1.5, 'q"\\\\': 2})
        orch.log(-1, loss=0)
        orch.log(0.5, loss=0)
        orch.log(2**63, loss=0)
        orch.log("8", loss=0)
        orch.log(9, {f"many/{i}": i for i in range(2000)})
        orch.progress(10, 20, phase="evaluate")
        open(orch.artifact_dir() + "/a.png", "wb").write(b"png")
        orch.artifact(orch.artifact_dir() + "/a.png", "sample", step=3, item=0)
        open("outside.txt", "w").write("text")
        orch.artifact("outside.txt")
        orch.result(psnr=20)
        orch.result({"ssim": decimal.Decimal("0.5")})
        """,
        YAML,
    )
    experiment.orch("run", "trip.yaml")
    assert experiment.attempts() == [(1, 0)]
    points, finals = experiment.numbers()
    found = {(p["metric"], p["item"], p["step"]): p["value"] for p in points}
    many = {key: found.pop(key) for key in list(found) if key[0].startswith("many/")}
    assert many == {(f"many/{i}", "", 9): i for i in range(2000)}
    assert found == {
        ("loss", "", 1): 1,
        ("loss", "", 2): 0.25,
        ("val/psnr", "", 2): 20.5,
        ("more", "", 2): 1,
        ("loss", "", 3): 0.125,
        ("half", "", 3): 0.5,
        ("loss", "", 4): None,
        ("loss", "", 5): "Infinity",
        ("low", "", 5): "-Infinity",
        ("psnr", "003", 6): 19.5,
        ("big", "003", 6): 1e300,
        ("naïve 😀 ?", "", 7): 1,
        ("8", "", 7): 1.5,
        ('q"\\', "", 7): 2,
    }
    assert {f["metric"]: f["value"] for f in finals} == {"psnr": 20, "ssim": 0.5}
    (artifact, copied) = experiment.query(
        "select kind, name, item, step, path from artifact order by name desc"
    )
    assert artifact == {
        "kind": "image", "name": "sample", "item": "0", "step": 3, "path": "artifacts/a.png",
    }  # fmt: skip
    assert (copied["kind"], copied["path"]) == ("file", "artifacts/outside.txt")
    (attempt,) = experiment.query("select program, phase, phase_step, phase_total from attempt")
    assert attempt == {
        "program": "train.py", "phase": "evaluate", "phase_step": 10, "phase_total": 20,
    }  # fmt: skip


def test_a_value_that_is_not_a_number_is_warned_about_once(trial):
    err = trial.run(
        """
        import orch
        for step in range(3):
            orch.log(step, loss=1.5, phase="train")
        """
    )
    assert err.count("'phase' is not recorded") == 1
    assert [event["values"] for event in trial.events("metrics")] == [{"loss": 1.5}] * 3


def test_more_metrics_than_allowed_are_dropped_and_the_first_are_kept(trial):
    err = trial.run("import orch\norch.log(1, {f'{i}' + 'ü' * 120: i for i in range(10_500)})")
    assert err.count("10000th") == 500  # a warning by name
    assert sum(len(event["values"]) for event in trial.events("metrics")) == 10_000
    lines = (trial.folder / "attempt-1" / "events.jsonl").read_bytes().splitlines()
    assert max(map(len, lines)) < 1 << 20


def test_numbers_survive_to_the_last_bit(trial):
    trial.run(
        """
        import random, struct, orch
        rng = random.Random(1)
        values = [struct.unpack("d", rng.randbytes(8))[0] for _ in range(2000)]
        for step, value in enumerate(values):
            orch.log(step, value=value)
        open("values", "w").write(" ".join(value.hex() for value in values))
        """
    )
    sent = map(float.fromhex, (trial.folder / "values").read_text().split())
    for event, value in zip(trial.events("metrics"), sent):
        read = float(event["values"]["value"])
        assert read == value or (math.isnan(read) and math.isnan(value))


def test_the_first_line_is_hello_and_every_line_has_the_time(trial):
    trial.run("import orch\norch.failed('diverged', 'NaN at \\ud800')")
    hello, failed = trial.events()
    assert (hello["event"], hello["protocol"], "resumed_from" in hello) == ("hello", 1, False)
    assert failed["class"] == "diverged" and failed["message"] == "NaN at ?"
    assert 1.7e9 < hello["time"] <= failed["time"]


def test_two_programs_of_an_attempt_say_hello_once(trial):
    variables = trial.variables()
    for step in (1, 2):
        script = f"import orch\norch.log({step}, loss=1.0)"
        subprocess.run([sys.executable, "-c", script], env=variables, check=True)
    assert [event["event"] for event in trial.events()] == ["hello", "metrics", "metrics"]


def test_results_add_up(trial):
    trial.run("import orch\norch.result(a=1)\norch.result({'b': 2}, a=3)")
    assert [event["values"] for event in trial.events("result")] == [{"a": 1}, {"a": 3, "b": 2}]


def test_progress_is_throttled_and_its_last_step_is_kept(trial):
    trial.run(
        """
        import orch
        for step in range(1, 100_001):
            orch.progress(step, 100_000)
        raise SystemExit(3)
        """,
        code=3,
    )
    events = trial.events("progress")
    assert (events[0]["step"], events[-1]["step"]) == (1, 100_000)
    times = [event["time"] for event in events[:-1]]
    assert all(later - time > 0.09 for time, later in zip(times, times[1:]))
