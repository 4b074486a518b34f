#!/usr/bin/env python3
"""Training steps of the worker on a CPU, beside the unofficial SR3 in PyTorch in the same run.

Usage: scripts/bench-worker.py ORCH_WORKER [--reference DIR] [--net demo|paper] [--precision fp32|bf16]
                               [--threads N,N] [--rounds N]

DIR is a checkout of the unofficial SR3 (Janspiry/Image-Super-Resolution-via-Iterative-Refinement), whose
network then trains with fused Adam in the Python that runs this script, which needs torch. The two take turns;
a figure is the median over all rounds. The worker also keeps an average of its weights, the reference does not.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Settings as in experiments/table1.yaml.
NETS = {
    "demo": {
        "size": 32, "low": 8, "batch": 8, "steps": 20,
        "model": {"inner": 16, "multipliers": [1, 2, 4], "blocks": 1, "groups": 16, "dropout": 0.0, "attention": 1},
    },
    "paper": {
        "size": 128, "low": 16, "batch": 4, "steps": 2,
        "model": {"inner": 64, "multipliers": [1, 2, 4, 8, 8], "blocks": 2, "groups": 32, "dropout": 0.2,
                  "attention": 1},
    },
}  # fmt: skip


def worker(program, net, precision, threads):
    """Seconds of each stretch of `steps` training steps, the first left out, and the peak memory in MiB."""
    steps = net["steps"]
    config = {
        "device": "cpu",
        "image": {"size": net["size"], "low": net["low"]},
        "model": net["model"],
        "data": {"train_count": 16},
        "diffusion": {"steps": 100},
        "training": {
            "iterations": 10**6, "batch": net["batch"], "log_every": steps, "checkpoint_every": 10**6,
            "precision": precision,
        },
        "evaluation": {"every": 10**6, "curve_images": 1, "images": 1, "batch": 1, "ddim_steps": 1},
    }  # fmt: skip
    trial = {
        "orch": 1, "id": "bench-s0-00000000", "experiment": "bench", "profile": None, "variant": "bench", "seed": 0,
        "cpus": threads, "config": config, "checkpoints": "checkpoints", "artifacts": "artifacts",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path, events = Path(folder, "trial.json"), Path(folder, "events.jsonl")
        path.write_text(json.dumps(trial))
        env = {**os.environ, "ORCH_EVENTS": str(events), "OMP_NUM_THREADS": str(threads)}
        process = subprocess.Popen([program, "train", "--trial", str(path)], env=env, cwd=folder, stderr=subprocess.PIPE)
        rates = []
        while len(rates) < 4:
            time.sleep(0.2)
            if process.poll() is not None:
                sys.exit(f"the worker ended: {process.stderr.read().decode()}")
            lines = events.read_text().splitlines() if events.exists() else []
            values = [json.loads(line).get("values", {}) for line in lines]
            rates = [v["train/it_per_second"] for v in values if "train/it_per_second" in v]
        peak = next(
            int(line.split()[1]) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )  # fmt: skip
        process.send_signal(signal.SIGKILL)
        process.wait()
    return [1 / rate for rate in rates[1:]], peak / 1024


def reference(folder, net, precision, threads):
    """The same of the reference, in this process: see `main`."""
    import resource

    sys.path.insert(0, folder)
    import torch
    from model.sr3_modules import diffusion, unet

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    model, size = net["model"], net["size"]
    network = unet.UNet(
        in_channel=6, out_channel=3, norm_groups=model["groups"], inner_channel=model["inner"],
        channel_mults=model["multipliers"], attn_res=[size >> (len(model["multipliers"]) - 1 - model["attention"])],
        res_blocks=model["blocks"], dropout=model["dropout"], image_size=size,
    )  # fmt: skip
    trained = diffusion.GaussianDiffusion(network, size, loss_type="l1")
    trained.set_loss("cpu")
    schedule = {"schedule": "linear", "n_timestep": 100, "linear_start": 1e-6, "linear_end": 1e-2}
    trained.set_new_noise_schedule(schedule, "cpu")
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    batch = {name: torch.rand(net["batch"], 3, size, size) * 2 - 1 for name in ("HR", "SR")}

    def step():
        adam.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = trained(batch).sum() / batch["HR"].numel()
        loss.backward()
        adam.step()

    times = []
    for _ in range(4):
        start = time.perf_counter()
        for _ in range(net["steps"]):
            step()
        times.append((time.perf_counter() - start) / net["steps"])
    return times[1:], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worker")
    parser.add_argument("--reference")
    parser.add_argument("--net", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--precision", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-reference", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cases = [
        (net, precision, int(threads))
        for net in arguments.net
        for precision in arguments.precision
        for threads in arguments.threads.split(",")
    ]
    if arguments.only_reference:
        [(net, precision, threads)] = cases
        return print(json.dumps(reference(arguments.reference, NETS[net], precision, threads)))
    program = str(Path(arguments.worker).resolve())
    print("network  precision  threads  orch-worker           reference             ratio")
    for net, precision, threads in cases:
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(worker(program, NETS[net], precision, threads))
            if arguments.reference:
                case = ["--net", net, "--precision", precision, "--threads", str(threads), "--only-reference"]
                command = [sys.executable, __file__, program, "--reference", arguments.reference, *case]
                theirs.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
        text = f"{net:<9}{precision:<11}{threads:<9}"
        medians = []
        for measured in filter(None, (ours, theirs)):
            medians.append(statistics.median(t for times, _ in measured for t in times))
            text += f"{medians[-1] * 1000:8.1f} ms, {max(peak for _, peak in measured):6.0f} MiB  "
        print(text + (f"{medians[1] / medians[0]:5.2f}" if theirs else ""), flush=True)


main()
