"""Whatever happens around it, a training loop does not notice, and no line is lost or torn."""

import os
import signal
import subprocess
import sys

import pytest


def test_it_works_alone(trial):
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            "import orch, os\n"
            "assert orch.config({'lr': 1}, width=2) == {'lr': 1, 'width': 2}\n"
            "assert orch.seed() == 0 and orch.resume_from() is None and not orch.should_stop()\n"
            "orch.log(3, {'loss': 0.5}, acc=1, what='x')\n"
            "orch.checkpoint(orch.checkpoint_dir() + '/a.pt', 3)\n"
            "orch.progress(1, 2)\n"
            "orch.result(acc=0.25)\n"
            "print(os.listdir('.'))",
        ],
        cwd=trial.folder,
        env={name: value for name, value in trial.variables().items() if "ORCH" not in name},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in process.stderr.splitlines() if "what" not in line]
    assert lines == [
        "step 3: loss 0.5, acc 1",
        "checkpoint of step 3: checkpoints/a.pt",
        "result: acc 0.25",
    ]


LOOP = """
    import warnings, orch
    warnings.simplefilter("error")
    for step in range(1000):
        orch.log(step, loss=0.5)
        orch.progress(step, 1000)
    orch.checkpoint(orch.checkpoint_dir() + "/missing.pt", 5)
    orch.result(loss=0.5)
    print("the loop ended")
"""


@pytest.mark.parametrize("events", ["/dev/full", "/no/such/folder/events.jsonl", "/proc/version"])
def test_events_that_cannot_be_written_stop_no_loop_and_fail_the_attempt(trial, events):
    process = trial.start(LOOP, ORCH_EVENTS=events)
    out, err = process.communicate()
    assert out == "the loop ended\n" and "Traceback" not in err
    assert process.returncode == 74 and "the last events could not be written" in err


def test_lines_that_a_full_disk_did_not_take_are_written_later(trial):
    trial.run(
        """
        import resource, signal, orch
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def limit(size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for step in range(300):
            orch.log(step, loss=0.5)
            if step % 100 == 0:
                limit(12345 * (1 + step // 100))  # in the middle of a line
            if step == 280:
                limit(resource.RLIM_INFINITY)
        """
    )
    assert [event["step"] for event in trial.events("metrics")] == list(range(300))


def test_forked_workers_of_a_data_loader(trial):
    trial.run(
        """
        import torch, orch
        class Data(torch.utils.data.Dataset):
            def __len__(self): return 400
            def __getitem__(self, index):
                orch.log(index, item=f"worker {torch.utils.data.get_worker_info().id}", seen=1)
                return index
        orch.should_stop()
        orch.log(0, loss=1)
        for epoch in range(2):
            loader = torch.utils.data.DataLoader(Data(), num_workers=4, multiprocessing_context="fork")
            for step, batch in enumerate(loader):
                orch.log(step, loss=1)
            orch.progress(epoch, 2)
        orch.result(loss=1)
        """
    )
    events = trial.events()
    assert [event["event"] for event in events].count("hello") == 1
    assert len(trial.events("result")) == 1 and len(trial.events("progress")) == 2
    items = [event["step"] for event in trial.events("metrics") if "item" in event]
    assert sorted(items) == sorted(2 * list(range(400)))


def test_children_end_when_they_are_terminated(trial):
    trial.run(
        """
        import multiprocessing, time, orch
        orch.should_stop()
        orch.log(1, loss=1)
        context = multiprocessing.get_context("fork")
        for _ in range(50):
            child = context.Process(target=time.sleep, args=(3600,))
            child.start()
            child.terminate()  # at once, before it has come far
            child.join()
            assert child.exitcode == -15
        for _ in range(3):
            with context.Pool(2) as pool:  # which terminates its workers
                assert pool.map(abs, [-1, -2]) == [1, 2]
        """
    )


def test_threads_write_whole_lines(trial):
    trial.run(
        """
        import sys, threading, orch
        sys.setswitchinterval(1e-6)
        def work(name):
            for step in range(2000):
                orch.log(step, {name: step})
        threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    events = trial.events("metrics")
    for i in range(8):
        steps = [event["step"] for event in events if f"t{i}" in event["values"]]
        assert steps == list(range(2000))


def test_a_signal_handler_may_log(trial):
    trial.run(
        """
        import signal, orch
        steps = iter(range(10**6))
        def alarm(*_):
            orch.log(next(steps), alarm=1)
            signal.setitimer(signal.ITIMER_REAL, 1e-4)
        signal.signal(signal.SIGALRM, alarm)
        signal.setitimer(signal.ITIMER_REAL, 1e-4)
        for step in range(20_000):
            orch.log(step, loss=1)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        """
    )
    steps = [event["step"] for event in trial.events("metrics") if "loss" in event["values"]]
    assert steps == list(range(20_000))


def test_lines_before_a_kill_are_there(trial):
    trial.run(
        "import os, orch\nfor step in range(500): orch.log(step, loss=1)\nos.kill(os.getpid(), 9)",
        code=-signal.SIGKILL,
    )
    assert [event["step"] for event in trial.events("metrics")] == list(range(500))


def test_no_random_generator_is_touched(trial):
    trial.run(
        """
        import pickle, random
        import numpy, torch
        def state():
            return pickle.dumps((random.getstate(), numpy.random.get_state(), torch.get_rng_state().numpy()))
        before = state()
        import orch, orch.wandb
        orch.seed(); orch.config(); orch.resume_from(); orch.should_stop()
        run = orch.wandb.init(config={"a": 1})
        orch.wandb.log({"loss": torch.tensor(0.5), "image": orch.wandb.Image(numpy.zeros((4, 4)))})
        torch.save({}, orch.checkpoint_dir() + "/a.pt")
        middle = state()
        orch.checkpoint(orch.checkpoint_dir() + "/a.pt", 1)
        orch.log(1, loss=1); orch.progress(1, 2); orch.result(a=1); run.finish()
        assert before == middle == state()
        """
    )
    assert trial.events("artifact") and trial.events("checkpoint")


def test_only_the_first_rank_writes(trial):
    (trial.folder / "ranks.py").write_text(
        "import os, orch\n"
        "orch.log(1, rank=int(os.environ['RANK']))\n"
        "print('rank', os.environ['RANK'], orch.resume_from())\n"
        "orch.result(rank=int(os.environ['RANK']))\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = subprocess.run(
        [*torchrun, "ranks.py"],
        cwd=trial.folder,
        env=trial.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "rank 0 None" in process.stdout and "rank 1 None" in process.stdout
    kinds = [event["event"] for event in trial.events()]
    assert kinds == ["hello", "metrics", "imports", "result"]
    assert trial.events("result")[0]["values"] == {"rank": 0}


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"])
def test_other_ranks_are_told_by_their_environment(trial, variable):
    trial.run("import orch\norch.log(1, a=1)", **{variable: "1"})
    assert not os.path.exists(trial.folder / "attempt-1" / "events.jsonl")
