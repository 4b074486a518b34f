"""The examples as a user runs them; each gives a table and a curve."""

import csv
import shutil
from collections import Counter

import pytest
from conftest import ROOT

HELPER = ["torch", "lightning", "transformers"]
AS_IT_IS = ["argparse", "hydra", "tensorboard", "shell"]


@pytest.mark.parametrize("name", HELPER + AS_IT_IS)
def test_an_example_gives_a_table_and_a_curve(experiment, name):
    # Without the runs that somebody has made there.
    no_runs = shutil.ignore_patterns("runs")
    shutil.copytree(ROOT / "examples" / name, experiment.folder, ignore=no_runs, dirs_exist_ok=True)
    file = experiment.folder / f"{name}.yaml"
    text = file.read_text()
    assert len(text.splitlines()) <= 15
    file.write_text(text.replace("[0, 1, 2]", "[0]"))
    experiment.orch("run", file.name, "-j", "2")
    assert experiment.attempts() == [(1, 0), (1, 0)]
    experiment.orch("report")
    report = experiment.folder / f"runs/{name}/report"
    table = list(csv.reader((report / f"{name}.csv").open()))
    means = [float(row[4]) for row in table[1:]]
    assert table[0][4].endswith("_mean") and len(means) == 2 and min(means) > 0, table
    (curve,) = (report / "data").glob("*.csv")
    points = Counter(row["variant"] for row in csv.DictReader(curve.open()))
    assert len(points) == 2 and min(points.values()) >= 5, points
