"""Killed or stopped at any moment, a trial ends with the numbers of an undisturbed one."""

import json
import os
import signal
import subprocess
import textwrap
import time
from pathlib import Path

import pytest
from conftest import Experiment

SCRIPT = """
    import os, sys, time
    import orch

    STEPS = 60
    config = orch.config()
    value, step = float(orch.seed()), 0
    if path := orch.resume_from():
        step, value = eval(open(path).read())
        assert step == path.step
    while step < STEPS:
        step += 1
        value = (value * 3.7 * step) % 1.0 + config.offset
        orch.log(step, value=value)
        stop = orch.should_stop()
        if stop or step % 7 == 0:
            path = orch.checkpoint_dir() + f"/step-{step}"
            open(path, "w").write(repr((step, value)))
            orch.checkpoint(path, step)
        if stop:
            sys.exit(orch.STOPPED)
        # The first attempt waits to be ended where the test wants it.
        while os.path.exists("gate") and step == 30:
            time.sleep(0.01)
            if orch.should_stop():
                break
    orch.result(value=value)
"""

YAML = """
    orch: 1
    name: trip
    worker: {command: [python3, train.py]}
    variants: {a: {set: {offset: 0.25}}, b: {set: {offset: 0.5}}}
    seeds: [1, 2]
    retry: {backoff: 0s}
    report: {table: {name: t, columns: [{metric: value}]}}
"""


def wait_for(condition):
    end = time.monotonic() + 300
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)
    return found


def at_the_gate(folder):
    """The events files of attempts that have come to the gate."""
    files = folder.glob("runs/trip/trials/*/attempt-1/events.jsonl")
    return [file for file in files if '"step":30,' in file.read_text()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    experiment = Experiment(tmp_path_factory.mktemp("undisturbed"))
    experiment.write(SCRIPT, YAML)
    experiment.orch("run", "trip.yaml", "-j", "2")
    return experiment.numbers()


def holder_of(events):
    """The parent of the worker that writes these events."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            name = (folder / "cmdline").read_bytes()
            if f"ORCH_EVENTS={events}".encode() in variables and b"train.py" in name:
                return int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    raise AssertionError("it does not run")


def test_a_killed_holder_and_worker(experiment, undisturbed):
    experiment.write(SCRIPT, YAML)
    (experiment.folder / "gate").touch()
    run = experiment.start("run", "trip.yaml", "-j", "1")
    (events,) = wait_for(lambda: at_the_gate(experiment.folder))
    os.kill(holder_of(events), signal.SIGKILL)
    (experiment.folder / "gate").unlink()
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, out + err
    assert experiment.numbers() == undisturbed
    assert sorted(experiment.attempts()) == [(1, 0), (1, 0), (1, 0), (2, 0)]
    second = events.parent.parent / "attempt-2" / "events.jsonl"
    assert '"resumed_from":28' in second.read_text().splitlines()[1]


def test_a_stop_with_a_checkpoint(experiment, undisturbed):
    experiment.write(SCRIPT, YAML)
    (experiment.folder / "gate").touch()
    run = experiment.start("run", "trip.yaml", "-j", "2")
    first = wait_for(lambda: len(files := at_the_gate(experiment.folder)) == 2 and files)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 130, out + err
    # The gate opens by the stop, and the next step saves.
    assert all('"event":"checkpoint","step":31' in file.read_text() for file in first)
    (experiment.folder / "gate").unlink()
    experiment.orch("run", "trip.yaml", "-j", "2")
    assert experiment.numbers() == undisturbed


def save(name, step, text="state", **options):
    return (
        f"path = orch.checkpoint_dir() + '/{name}'\n"
        f"open(path, 'w').write('{text}')\n"
        f"orch.checkpoint(path, {step}, **{options})\n"
    )


SHOW = "import orch\nfound = orch.resume_from()\nprint(found and (found.rsplit('/', 1)[1], found.step))"


def resumed(trial):
    process = trial.start(SHOW)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return eval(out), err


def test_the_newest_intact_checkpoint_is_found(trial):
    assert resumed(trial) == (None, "")
    trial.run("import orch\n" + save("one", 1) + save("two", 2) + save("three", 3))
    assert resumed(trial)[0] == ("three", 3)
    # That attempt named none; the one before it did.
    assert trial.events()[0]["resumed_from"] == 3
    (trial.folder / "checkpoints" / "three").write_text("cut")
    found, err = resumed(trial)
    assert found == ("two", 2) and "three` of step 3 was changed" in err
    (trial.folder / "checkpoints" / "two").unlink()
    assert resumed(trial)[0] == ("one", 1)
    assert trial.events()[0]["resumed_from"] == 1
    # What came later in time counts, whatever its step.
    trial.run("import orch\norch.resume_from()\n" + save("again", 1))
    assert resumed(trial)[0] == ("again", 1)


def test_a_file_that_was_replaced_counts_with_its_last_step(trial):
    trial.run("import orch\n" + save("last", 1, "a") + save("last", 2, "b"))
    assert resumed(trial)[0] == ("last", 2)
    # Killed after the file was replaced and before that was said: its step is not known.
    (trial.folder / "checkpoints" / "last").write_text("c")
    assert resumed(trial)[0] is None
    trial.run("import orch\n" + save("last", 3, "d", hash=False))
    (trial.folder / "checkpoints" / "last").write_text("e")
    assert resumed(trial)[0] == ("last", 3)


def test_a_folder_is_a_checkpoint(trial):
    trial.run(
        """
        import os, orch
        path = orch.checkpoint_dir() + "/step-5"
        os.makedirs(path + "/deep")
        for name in ("a", "deep/b"): open(f"{path}/{name}", "w").write(name)
        orch.checkpoint(path, 5)
        """
    )
    assert resumed(trial)[0] == ("step-5", 5)
    (trial.folder / "checkpoints" / "step-5" / "deep" / "b").write_text("changed")
    assert resumed(trial)[0] is None


RECORDED = """
    import json, os, runpy
    calls = []
    def recorded(name):
        function = getattr(os, name)
        def call(first, *rest):
            path = os.readlink(f"/proc/self/fd/{first}") if isinstance(first, int) else str(rest[0])
            result = function(first, *rest)
            calls.append((name, path, os.path.getsize(os.environ["ORCH_EVENTS"])))
            return result
        setattr(os, name, call)
"""


def recorded(trial, names, script):
    """System calls of a script with a path and the size of the events file after each."""
    show = "import atexit\natexit.register(lambda: open('calls', 'w').write(json.dumps(calls)))\n"
    wrap = "".join(f"recorded({name!r})\n" for name in names)
    trial.run(textwrap.dedent(RECORDED) + show + wrap + textwrap.dedent(script))
    return json.loads((trial.folder / "calls").read_text())


def test_a_checkpoint_and_all_events_before_it_are_on_the_disk_before_it_is_named(trial):
    calls = recorded(
        trial,
        ["fsync", "write"],
        """
        import orch
        path = orch.checkpoint_dir() + "/deep/er"
        os.makedirs(path + "/folder")
        for name in ("one", "folder/two"): open(f"{path}/{name}", "w").write(name)
        for step in range(100): orch.log(step, loss=0.5)
        orch.checkpoint(path, 100)
        """,
    )
    names = [name for name, _, _ in calls]
    # The first point in one write with hello.
    assert names[:100] == ["write"] * 100, "no sync for a line"
    named = names.index("write", 100)
    events = str(trial.folder / "attempt-1" / "events.jsonl")
    synced = {os.path.relpath(path, trial.folder) for _, path, _ in calls[100:named]}
    tree = ["checkpoints/deep/er/" + name for name in ("one", "folder", "folder/two")]
    above = ["checkpoints", "checkpoints/deep", "checkpoints/deep/er"]
    assert synced == {*tree, *above, "attempt-1/events.jsonl"}
    assert [call[:2] for call in calls[named:]] == [["write", events], ["fsync", events]]


def test_the_example_without_the_package_syncs_events_before_a_checkpoint(trial):
    config = {"width": 2, "lr": 0.1}
    (trial.folder / "trial.json").write_text(json.dumps({"config": config, "seed": 1}))
    example = Path(__file__).resolve().parents[2] / "examples" / "widths" / "train.py"
    run = f"runpy.run_path({str(example)!r}, run_name='__main__')"
    calls = recorded(trial, ["fsync", "rename"], run)
    renames = [at for at, (name, _, _) in enumerate(calls) if name == "rename"]
    assert len(renames) == 6
    events = str(trial.folder / "attempt-1" / "events.jsonl")
    for at in renames:
        assert calls[at - 1] == ["fsync", events, calls[at][2]], "all events, and none was added since"
        folder = str(trial.folder / "checkpoints")
        assert calls[at + 1] == ["fsync", folder, calls[at][2]], "the name, before its event"


def test_a_checkpoint_that_cannot_be_read_is_passed_over(trial):
    trial.run("import orch\n" + save("one", 1) + save("two", 2) + save("three", 3))
    folder = trial.folder / "checkpoints"
    (folder / "three").unlink()
    (folder / "two").unlink()
    (folder / "two").symlink_to("two")
    found, err = resumed(trial)
    assert found == ("one", 1)
    assert "three` of step 3 is missing" in err and "of step 2 cannot be read" in err


def test_the_hash_is_that_of_sha256sum(trial):
    trial.run("import orch\n" + save("one", 1, "text" * 1000))
    (event,) = trial.events("checkpoint")
    assert event["path"] == "checkpoints/one"
    path = trial.folder / event["path"]
    printed = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert event["hash"] == "sha256:" + printed.split()[0]


def test_what_is_not_below_the_folder_of_checkpoints_is_not_named(trial):
    err = trial.run("import orch\nopen('x', 'w').close()\norch.checkpoint('x', 1)")
    assert "not below orch.checkpoint_dir()" in err
    assert not (trial.folder / "attempt-1" / "events.jsonl").exists()


def test_sigterm_ends_a_program_that_never_asks(trial):
    process = trial.start("import orch, time\norch.log(1, a=1)\ntime.sleep(3600)")
    wait_for((trial.folder / "attempt-1" / "events.jsonl").exists)
    process.terminate()
    process.communicate()
    assert process.returncode == -signal.SIGTERM


def test_a_handler_that_was_there_is_called_too(trial):
    trial.run(
        """
        import os, signal, orch
        called = []
        signal.signal(signal.SIGTERM, lambda *_: called.append(1))
        assert not orch.should_stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert orch.should_stop() and called == [1]
        """
    )


def test_a_training_that_is_deterministic_is_verified_by_training_parts_of_it_again(experiment):
    says = "config = orch.config()\n    orch.deterministic()"
    experiment.write(SCRIPT.replace("config = orch.config()", says), YAML)
    experiment.orch("run", "trip.yaml")
    experiment.orch("bundle", "--checkpoints", "-o", "bundle")
    verified = experiment.orch("verify", "bundle", "--execute", "3")
    assert "3 of 32 segments were trained again" in verified and "bit for bit" in verified, verified
    script = experiment.folder / "train.py"
    script.write_text(script.read_text().replace("* 3.7", "* 3.70000001"))
    found = experiment.orch("verify", "bundle", "--execute", "100", code=3)
    assert "its code is not the recorded one" in found and "train.py" in found, found
