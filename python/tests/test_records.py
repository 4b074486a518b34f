"""Frames of pandas and Polars against what `orch` exports."""

import csv
import io
import math
import shutil

import pytest
from conftest import ORCH, Experiment

import orch

SCRIPT = """
    import orch
    config = orch.config()
    for step in range(1, 4):
        orch.log(step, {"loss": config.model["rate"] / step, "nan": float("nan")})
        orch.log(step, item="x", psnr=20 + step)
    orch.result(accuracy=config.model["rate"], none=float("inf"))
"""

YAML = """
    orch: 1
    name: trip
    worker: {command: [python3, train.py]}
    variants:
      a: {label: First, set: {model.rate: 0.5}}
      b: {set: {model.rate: 0.25, extra: [1, 2]}}
    seeds: [3, 1]
    report: {table: {name: t, columns: [{metric: accuracy}]}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four trials."""
    experiment = Experiment(tmp_path_factory.mktemp("records"))
    experiment.write(SCRIPT, YAML)
    experiment.orch("run", "trip.yaml", "-j", "2")
    return experiment


@pytest.fixture(params=["pandas", "polars"])
def read(request, monkeypatch):
    """Reads with one engine; the rows of a frame as dicts."""
    monkeypatch.setenv("PATH", ORCH.rsplit("/", 1)[0])

    def rows(run, name):
        frame = getattr(orch.read(run, engine=request.param), name)
        assert type(frame).__module__.split(".")[0] == request.param
        return frame.to_dict("records") if request.param == "pandas" else frame.to_dicts()

    return rows


def number(text):
    return None if text in ("", "NaN") else float(text)


def plain(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def test_points_are_those_of_an_export(run, read):
    run.orch("export", "--format", "csv", "--out", "points.csv")
    exported = csv.DictReader((run.folder / "points.csv").open())
    expected = {
        (row["trial"], row["metric"], row["item"], int(row["step"])): (
            number(row["value"]),
            number(row["time"]),
        )
        for row in exported
    }
    rows = read(run.folder / "runs/trip", "points")
    found = {
        (row["trial"], row["metric"], row["item"], row["step"]): (plain(row["value"]), row["time"])
        for row in rows
    }
    assert found == expected and len(rows) == 36
    assert {(row["variant"], row["seed"], row["attempt"]) for row in rows} == {
        (variant, seed, 1) for variant in "ab" for seed in (1, 3)
    }


def test_finals_are_those_of_a_query(run, read):
    text = run.orch("query", "select * from final order by trial, metric", "--format", "csv")
    rows = read(run.folder / "runs/trip", "finals")
    expected = list(csv.DictReader(io.StringIO(text)))
    assert [{**row, "seed": str(row["seed"]), "value": float(row["value"])} for row in rows] == [
        {**row, "value": float(row["value"])} for row in expected
    ]


def test_trials_have_their_config(run, read):
    rows = read(run.folder / "runs/trip", "trials")
    assert [(row["variant"], row["label"], row["seed"]) for row in rows] == [
        ("a", "First", 3), ("a", "First", 1), ("b", "b", 3), ("b", "b", 1),
    ]  # fmt: skip
    assert {(row["state"], row["attempts"]) for row in rows} == {("succeeded", 1)}
    assert [row["config.model.rate"] for row in rows] == [0.5, 0.5, 0.25, 0.25]
    assert list(rows[2]["config.extra"]) == [1, 2]


def test_a_database_that_is_missing_is_made_by_orch(run, read, tmp_path):
    copy = shutil.copytree(run.folder / "runs/trip", tmp_path / "trip")
    (copy / "orch.db").unlink()
    assert len(read(copy, "points")) == 36


def test_damaged_records_are_an_error(run, read, tmp_path):
    copy = shutil.copytree(run.folder / "runs/trip", tmp_path / "trip")
    assert len(read(copy, "points")) == 36
    (events,) = copy.glob("trials/a-s3-*/attempt-1/events.jsonl")
    events.write_text("")
    with pytest.raises(orch.RecordsError, match="events.jsonl` has 0 bytes"):
        read(copy, "points")


def test_without_orch_the_error_says_what_to_do(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    (run.folder / "runs/trip/orch.db").unlink()
    with pytest.raises(orch.RecordsError, match="run `orch status .*runs/trip` first"):
        orch.read(run.folder / "runs/trip")
    with pytest.raises(orch.RecordsError, match="not the folder of a run"):
        orch.read(tmp_path)
    with pytest.raises(ValueError, match="pandas"):
        orch.read(run.folder / "runs/trip", engine="excel")
