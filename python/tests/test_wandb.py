"""The face of wandb against wandb itself, and what becomes of a script that uses it."""

import json
import subprocess
import sys
import textwrap

from conftest import environment

# Prints what a script sees. The argument is the face: `wandb` or `orch.wandb`.
SCRIPT = """
    import argparse, importlib, json, sys
    wandb = importlib.import_module(sys.argv.pop(1))
    run = wandb.init(project="p", config={"lr": 0.1, "model": {"width": 8}})
    seen = []
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=4)
    wandb.config.update(parser.parse_args())
    wandb.config.extra = "x"
    wandb.config.setdefaults({"lr": 5, "more": 1})
    seen.append(dict(wandb.config))
    seen.append([wandb.config.lr, wandb.config["batch"], "no" in wandb.config, wandb.config.get("no", 3)])
    run.define_metric("acc", summary="max")
    run.define_metric("val/*", summary="min,max")
    def log(*arguments, **options):
        wandb.log(*arguments, **options)
        seen.append(run.step)
    log({"loss": 1.0})
    log({"loss": 0.5, "acc": 0.9}, commit=False)
    log({"acc": 0.5})
    log({"loss": 0.4}, step=10)
    log({"loss": 0.3}, step=10)
    log({"val/err": 3.0}, step=12, commit=True)
    log({"val/err": 1.0})
    log({"val/err": 2.0, "loss": 0.25})
    run.summary["best"] = 7
    run.summary.update({"other": 8})
    wandb.summary.third = 9
    def plain(value):
        return {key: plain(value[key]) for key in value.keys()} if hasattr(value, "keys") else value
    summary = plain(run.summary)
    assert wandb.run is run
    wandb.finish()
    assert wandb.run is None
    print("seen", json.dumps([seen, dict(run.config), summary]))
"""


def seen(face, folder):
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), face],
        env=environment(WANDB_MODE="offline", WANDB_SILENT="true"),
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("seen "))
    return json.loads(line[5:])


def flat(summary):
    """wandb's summary, without its own values, as its page names them."""
    for key, value in summary.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{kind}", number) for kind, number in value.items())
        elif not key.startswith("_"):
            yield key, value


def test_a_script_sees_the_same(tmp_path):
    theirs = seen("wandb", tmp_path)
    ours = seen("orch.wandb", tmp_path)
    assert ours[:2] == theirs[:2]
    assert ours[2] == dict(flat(theirs[2]))


def test_the_trials_config_wins(trial):
    err = trial.run(
        """
        import orch.wandb as wandb
        run = wandb.init(config={"lr": 0.1, "model": {"width": 8, "depth": 2}, "batch": 4})
        assert wandb.config == {"lr": 0.5, "model": {"width": 3, "depth": 2}, "batch": 4}
        assert wandb.config.model.width == 3 and "lr" in wandb.config
        wandb.config.lr = 0.1
        wandb.config.update({"lr": 0.2, "batch": 5})
        assert (wandb.config.lr, wandb.config.batch) == (0.5, 5)
        """
    )
    assert "config 'lr' stays 0.5, as the trial says" in err and "batch" not in err


def test_what_is_logged_becomes_points_and_the_summary_the_result(trial):
    trial.run(
        """
        import orch.wandb as wandb
        with wandb.init(project="p") as run:
            run.log({"train": {"loss": 0.5}, "acc": 0.25})
            run.log({"train": {"loss": 0.25}})
            run.log({"late": 1}, step=1)
            run.summary["best"] = 0.75
        """
    )
    points = [(event["step"], event["values"]) for event in trial.events("metrics")]
    assert points == [
        (0, {"train/loss": 0.5, "acc": 0.25}),
        (1, {"train/loss": 0.25}),
        (1, {"late": 1}),
    ]
    (result,) = trial.events("result")
    assert result["values"] == {"train/loss": 0.25, "acc": 0.25, "late": 1, "best": 0.75}


UNFINISHED = "import orch, sys\nimport orch.wandb as wandb\nwandb.init()\nwandb.log({'loss': 1.0})\n"


def test_without_finish_the_result_is_written_unless_the_script_failed_or_was_stopped(trial):
    trial.run(UNFINISHED)
    assert len(trial.events("result")) == 1
    trial.run(UNFINISHED + "raise ValueError", code=1)
    assert trial.events("metrics") and not trial.events("result")
    stop = "import os, signal\norch.should_stop()\nos.kill(os.getpid(), signal.SIGTERM)\n"
    trial.run(UNFINISHED + stop + "assert orch.should_stop()\nsys.exit(orch.STOPPED)", code=75)
    assert trial.events("metrics") and not trial.events("result")


def test_implicit_steps_continue_after_a_checkpoint(trial):
    script = """
        import orch
        import orch.wandb as wandb
        run = wandb.init()
        for _ in range(3):
            wandb.log({"loss": 1.0})
        path = orch.checkpoint_dir() + "/last"
        open(path, "w").close()
        orch.checkpoint(path, run.step)
    """
    trial.run(script)
    trial.run(script)
    assert trial.events()[0]["resumed_from"] == 3
    assert [event["step"] for event in trial.events("metrics")] == [3, 4, 5]


def test_images_are_pixel_for_pixel_those_of_wandb(trial):
    trial.run(
        """
        import numpy, pathlib, PIL.Image, torch
        import wandb as theirs
        import orch.wandb as ours
        rng = numpy.random.default_rng(1)
        def pixels(*shape): return rng.integers(0, 256, shape, numpy.uint8)
        for data in (
            pixels(5, 7), pixels(5, 7, 1), pixels(5, 7, 3), pixels(5, 7, 4), pixels(1, 9, 3)[:, 1:],
            torch.from_numpy(pixels(3, 5, 7)), torch.from_numpy(pixels(1, 5, 7)),
            PIL.Image.fromarray(pixels(6, 4, 3)),
        ):
            path = pathlib.Path("image.png")
            ours.Image(data).save(path)
            image = PIL.Image.open(path)
            image.load()
            expected = theirs.Image(data).image
            assert image.mode == expected.mode
            assert numpy.array_equal(numpy.asarray(image), numpy.asarray(expected)), data.shape
        ours.Image(numpy.linspace(0, 1, 256).reshape(16, 16)).save(path)
        assert numpy.array_equal(numpy.asarray(PIL.Image.open(path)).ravel(), numpy.arange(256))
        """
    )


def test_images_become_artifacts(trial):
    err = trial.run(
        """
        import numpy, orch.wandb as wandb
        wandb.init()
        image = wandb.Image(numpy.zeros((4, 4, 3), numpy.uint8), caption="face")
        wandb.log({"val/sample": image, "pair": [wandb.Image(numpy.zeros((2, 2)))] * 2, "loss": 1}, step=8)
        wandb.log({"bad": wandb.Image(numpy.zeros(3))})
        wandb.finish()
        """
    )
    assert "the image 'bad' is not recorded" in err
    found = [(e["name"], e.get("item"), e["step"], e["path"]) for e in trial.events("artifact")]
    assert found == [
        ("val/sample", "face", 8, "artifacts/val-sample-8-0.png"),
        ("pair", "0", 8, "artifacts/pair-8-0.png"),
        ("pair", "1", 8, "artifacts/pair-8-1.png"),
    ]
    assert all((trial.folder / path).read_bytes()[:4] == b"\x89PNG" for *_, path in found)
    assert trial.events("result")[0]["values"] == {"loss": 1}


def test_what_has_no_counterpart_is_warned_about_once(trial):
    err = trial.run(
        """
        import orch.wandb as wandb
        wandb.login()
        run = wandb.init(settings=wandb.Settings(start_method="thread"))
        wandb.watch(None, log="all")
        for step in range(3):
            table = wandb.Table(columns=["a"])
            table.add_data(1)
            wandb.log({"table": table, "histogram": wandb.Histogram([1, 2]), "loss": 1.0})
        artifact = wandb.Artifact("model", type="model")
        artifact.add_file("x")
        run.log_artifact(artifact).wait()
        wandb.save("*.pt")
        with wandb.plot.line(table, "a", "b") as chart: chart["x"] = len(chart)
        """
    )
    lines = err.splitlines()
    assert len(lines) == len(set(lines))
    for name in (
        "Settings",
        "watch",
        "Table",
        "Histogram",
        "Artifact",
        "run.log_artifact",
        "save",
        "plot",
    ):
        assert sum(f"wandb.{name} has no counterpart" in line for line in lines) == 1
    assert len(trial.events("metrics")) == 3


def test_a_call_before_init_is_an_error(trial):
    err = trial.run("import orch.wandb as wandb\nwandb.log({'a': 1})", code=1)
    assert "call wandb.init() before wandb.log" in err
