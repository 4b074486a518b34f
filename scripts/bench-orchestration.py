#!/usr/bin/env python3
"""The cost of orchestration: prints each goal, the figure measured, and its ratio to a peer in the same run.

Usage: scripts/bench-orchestration.py ORCH [--trials N,N,...] [--folder DIR]

Trials run `true` two at a time, below DIR (a folder on /dev/shm by default: a disk's time for a sync, which
is printed, is its own matter). HyperQueue is the peer if `import hyperqueue` works (`pip install hyperqueue`).
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = []


def row(what, goal, figure, note=""):
    ROWS.append((what, goal, figure, note))
    print(f"{what:<62} goal {goal:<12} {figure:<14} {note}", flush=True)


class Bench:
    def __init__(self, orch, folder):
        self.orch, self.folder = orch, folder
        self.env = {**os.environ, "ORCH_STATE_DIR": str(folder / "state")}

    def write(self, name, trials, worker='command: ["true"]', more=""):
        seeds = ", ".join(map(str, range(trials)))
        text = f"orch: 1\nname: {name}\nworker: {{{worker}}}\nvariants: {{a: {{}}}}\nseeds: [{seeds}]\n{more}"
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return path

    def command(self, *arguments):
        return [self.orch, "--runs", str(self.folder / "runs"), *map(str, arguments)]

    def run(self, *arguments, env=None):
        """Seconds of wall clock, CPU seconds with those of descendants that were waited for, and the output."""
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            self.command(*arguments), env=env or self.env, capture_output=True, text=True, check=True
        )
        wall, after = time.perf_counter() - start, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return wall, cpu, done.stdout

    def best(self, *arguments, times=5):
        return min(self.run(*arguments)[0] for _ in range(times))


def hyperqueue(count, folder):
    """Milliseconds of HyperQueue for each of `count` trials, whose logs it writes to `folder`, as orch does."""
    try:
        from hyperqueue import Job, LocalCluster
        from hyperqueue.cluster import WorkerConfig
    except ImportError:
        return None
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        client, job = cluster.client(), Job(default_workdir=folder)
        for _ in range(count):
            job.program(["true"])
        start = time.time()
        client.wait_for_jobs([client.submit(job)])
        # It waits in whole seconds; the last log tells the time of the last trial.
        return (max(log.stat().st_mtime for log in folder.iterdir()) - start) / count * 1e3


def no_op_trials(bench, counts):
    each = {}
    for count in counts:
        logs = bench.folder / f"hyperqueue{count}"
        logs.mkdir()
        peer = hyperqueue(count, logs) if count <= 10_000 else None
        file = bench.write(f"noop{count}", count)
        wall, _, _ = bench.run("run", file, "-j", 2, "-q")
        each[count] = wall / count * 1e3
        ratio = f"{each[count] / peer:.2f} x HyperQueue's {peer:.2f} ms" if peer else ""
        row(f"no-op trial, {count:,} of them", "<= 1.4 ms", f"{each[count]:.2f} ms", ratio)
    trial = next((bench.folder / "runs" / f"noop{counts[0]}" / "trials").iterdir())
    files = [path for path in trial.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    row("files and bytes of one", "<= 6, 20 KB", f"{len(files)}, {size / 1e3:.1f} KB")
    return max(counts)


def finished_run(bench, count):
    run, file = f"noop{count}", bench.folder / f"noop{count}.yaml"
    # First, so that no other command does for it what the run has left to do.
    row(f"orch run again, {count:,} finished", "<= 0.5 s", f"{bench.best('run', file):.2f} s")
    row("the same with -n", "<= 0.5 s", f"{bench.best('run', file, '-n'):.2f} s")
    row(f"orch status, {count:,} trials", "<= 30 ms", f"{bench.best('status', run) * 1e3:.0f} ms")
    row("orch --version", "<= 5 ms", f"{bench.best('--version') * 1e3:.1f} ms")


def many_at_once(bench):
    """64 at a time of `sleep 1`: from a trial's end to the start of the next on its slot."""
    inventory = bench.folder / "machine.yaml"
    inventory.write_text("cpus: 64\n")
    file = bench.write("sleepers", 256, 'command: [sleep, "1"]')
    bench.run("run", file, "-q", env={**bench.env, "ORCH_INVENTORY": str(inventory)})
    starts, ends = [], []
    for path in (bench.folder / "runs/sleepers/trials").glob("*/attempt-1/exit.json"):
        record = json.loads(path.read_text())
        starts.append(record["started_ms"])
        ends.append(record["ended_ms"])
    starts.sort()
    ends.sort()
    waits = [start - end for end, start in zip(ends, starts[64:])]
    row("longest wait for a free slot, 64 at a time", "<= 50 ms", f"{max(waits)} ms")


def cpu_seconds(pid):
    """Of all threads, by the scheduler's own count, which is finer than a clock tick."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def rss_mib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


def long_trials(bench, seconds=60):
    file = bench.write("long", 2, 'command: [sleep, "600"]')
    supervisor = subprocess.Popen(bench.command("run", file, "-q", "-j", 2), env=bench.env)
    time.sleep(2)
    owners = list((bench.folder / "runs/long/trials").glob("*/attempt-1/owner"))
    holder = json.loads(owners[0].read_text())["pid"]
    before = cpu_seconds(supervisor.pid), cpu_seconds(holder)
    time.sleep(seconds)
    after = cpu_seconds(supervisor.pid), cpu_seconds(holder)
    shares = [(b - a) / seconds * 100 for a, b in zip(before, after)]
    row("supervisor with two long trials, of a core", "<= 0.2 %", f"{shares[0]:.3f} %")
    row("idle holder, of a core", "<= 0.05 %", f"{shares[1]:.3f} %")
    supervisor.send_signal(signal.SIGINT)
    supervisor.wait()


def supervisor_memory(bench, count):
    file = bench.write(f"memory{count}", count)
    supervisor = subprocess.Popen(bench.command("run", file, "-q", "-j", 2), env=bench.env)
    most = 0
    while supervisor.poll() is None:
        try:
            most = max(most, rss_mib(supervisor.pid))
        except (FileNotFoundError, AttributeError):
            break
        time.sleep(0.2)
    supervisor.wait()
    row(f"supervisor's memory, {count:,} trials", "<= 64 MiB", f"{most:.0f} MiB")


LOOP = """import time
end = time.perf_counter() + 5
while time.perf_counter() < end: pass
ran, waited, _ = map(int, open("/proc/self/schedstat").read().split())
print(ran / (ran + waited), flush=True)
"""


def time_on_core(bench, others=1000, rounds=5):
    """The part of its time that a loop gets of a core, by itself and under `orch run`, beside many other processes.
    By the scheduler's own count: the rate of steps itself changes by a tenth with whatever the core's neighbours do."""
    script = bench.folder / "count.py"
    script.write_text(LOOP)
    sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(others)]

    def bare(_):
        return subprocess.run([sys.executable, script], capture_output=True, check=True).stdout

    def held(name):
        file = bench.write(name, 1, f"command: [{sys.executable}, {script}]")
        bench.run("run", file, "-q")
        return next((bench.folder / f"runs/{name}/trials").glob("*/attempt-1/stdout.log")).read_text()

    def median(part, name):
        return statistics.median(float(part(f"{name}{number}")) for number in range(rounds))

    share = median(held, "count") / median(bare, "bare") * 100
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    crowded = median(held, "crowded") / median(bare, "bare") * 100
    os.sched_setaffinity(0, cores)
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()
    row(f"a worker's time on its core, {others:,} other processes", ">= 99.9 %", f"{share:.2f} %")
    row("the same where orch has no other core", "", f"{crowded:.2f} %")


def sync_time(folder):
    times = []
    for number in range(50):
        with open(folder / f"sync{number}", "wb") as file:
            file.write(b"x" * 300)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("orch")
    parser.add_argument("--trials", default="1000,10000")
    parser.add_argument("--folder", default="/dev/shm")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.trials.split(",")]
    folder = Path(tempfile.mkdtemp(prefix="orch-bench-", dir=arguments.folder))
    bench = Bench(os.path.abspath(arguments.orch), folder)
    print(f"a sync in {arguments.folder} takes {sync_time(folder):.2f} ms; load {os.getloadavg()[0]:.1f}")
    try:
        most = no_op_trials(bench, counts)
        finished_run(bench, most)
        supervisor_memory(bench, min(most, 10_000))
        many_at_once(bench)
        long_trials(bench)
        time_on_core(bench)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
