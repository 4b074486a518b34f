"""`orch init --pytorch`: the training resumes exactly."""

import signal
import time

import pytest


def test_a_new_experiment_in_pytorch_is_interrupted_and_ends_with_the_same_numbers(experiment):
    pytest.importorskip("torch")
    experiment.orch("init", "--pytorch")
    file = experiment.folder / "experiment.yaml"
    text = file.read_text()
    assert "seeds: [0, 1, 2]" in text and "steps: 600" in text
    file.write_text(text.replace("seeds: [0, 1, 2]", "seeds: [0]"))
    experiment.orch("run", file.name)
    undisturbed = experiment.numbers()
    # The result is learned, and by the wide network better.
    accuracy = {row["variant"]: row["value"] for row in undisturbed[1] if row["metric"] == "accuracy"}
    assert accuracy["wide"] > 0.9 and accuracy["wide"] > accuracy["narrow"], accuracy

    (experiment.folder / "runs").rename(experiment.folder / "undisturbed")
    run = experiment.start("run", file.name, "-j", "1")
    while not list(experiment.folder.glob("runs/*/trials/*/checkpoints/last.pt")):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=300)
    assert run.returncode == 130
    experiment.orch("run", file.name)
    assert experiment.numbers() == undisturbed
    assert sum(attempts for attempts, _ in experiment.attempts()) > 2
