"""Runs scripts as trials: of the real `orch`, or with its environment alone, which is faster."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORCH = os.environ.get("ORCH", str(ROOT / "target" / "debug" / "orch"))
# The names of an outer trial, if the tests run in one.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("ORCH_")}


def environment(**more):
    """Finds this Python as `python3`, and the package as it is in the repository."""
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([folder, os.environ["PATH"]])
    return {**CLEAN, "PATH": path, "PYTHONPATH": str(ROOT / "python"), **more}


class Trial:
    """A trial's folder without an `orch`: each script is its next attempt."""

    def __init__(self, folder, config):
        self.folder = folder
        self.attempts = 0
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "artifacts").mkdir()
        (folder / "trial.json").write_text(json.dumps({"config": config, "seed": 7}))

    def variables(self):
        """Begins an attempt."""
        self.attempts += 1
        folder = self.folder / f"attempt-{self.attempts}"
        folder.mkdir()
        return environment(
            ORCH_TRIAL=str(self.folder / "trial.json"),
            ORCH_EVENTS=str(folder / "events.jsonl"),
            ORCH_CHECKPOINTS=str(self.folder / "checkpoints"),
            ORCH_ARTIFACTS=str(self.folder / "artifacts"),
            ORCH_ATTEMPT=str(self.attempts),
            ORCH_EXPERIMENT="test",
        )

    def start(self, script, **variables):
        """Starts a script as the next attempt."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={**self.variables(), **variables},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script, code=0, **variables):
        """Runs a script to its end; its standard error."""
        process = self.start(script, **variables)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return err

    def events(self, kind=None):
        """The events of the last attempt."""
        text = (self.folder / f"attempt-{self.attempts}" / "events.jsonl").read_text()
        assert text == "" or text.endswith("\n")
        events = [json.loads(line) for line in text.splitlines()]
        return [event for event in events if kind in (None, event["event"])]


@pytest.fixture
def trial(tmp_path):
    """A trial with a small config."""
    return Trial(tmp_path / "trial", {"lr": 0.5, "model": {"width": 3}})


class Experiment:
    """A folder with an experiment and what `orch` makes of it."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, script, yaml):
        """Writes `train.py` and `trip.yaml`."""
        (self.folder / "train.py").write_text(textwrap.dedent(script))
        (self.folder / "trip.yaml").write_text(textwrap.dedent(yaml))

    def start(self, *arguments):
        """Starts `orch` with these arguments."""
        return subprocess.Popen(
            [ORCH, *arguments],
            cwd=self.folder,
            env=environment(ORCH_STATE_DIR=str(self.folder / "state")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def orch(self, *arguments, code=0):
        """Runs `orch` to its end; its output."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=500)
        assert process.returncode == code, out + err
        return out

    def query(self, select):
        """The rows of a `select`."""
        return json.loads(self.orch("query", select, "--format", "json"))["rows"]

    def numbers(self):
        """All effective points and final values of the last run."""
        series = "select variant, seed, metric, item, step, value from series order by 1, 2, 3, 4, 5"
        return self.query(series), self.query("select * from final order by 1, 2, 3, 4, 5")

    def attempts(self):
        """The number of attempts of each trial, and of lines that were skipped."""
        select = "select count(*) as n, sum(skipped_lines) as skipped from attempt group by trial_id"
        return [(row["n"], row["skipped"]) for row in self.query(select)]


@pytest.fixture
def experiment(tmp_path):
    """A folder for one experiment."""
    return Experiment(tmp_path)
