"""A network learns to tell two spirals apart. Killed at any moment, or stopped, it goes on from its last
checkpoint and ends with the same numbers. Put your own model and data in their place."""

import argparse
import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn

LOG_EVERY = 20
CHECKPOINT_EVERY = 200
STOPPED = 75  # the exit code that says: stopped on request, after a checkpoint

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=0.01, help="learning rate")
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--width", type=int, default=32, help="units of each hidden layer")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))

stop_requested = False


def request_stop(_signal, _frame):
    global stop_requested
    stop_requested = True


def spirals(size, generator):
    """Noisy points on two spirals, each with its class, 0 or 1."""
    label = torch.randint(2, (size,), generator=generator)
    radius = torch.rand(size, generator=generator)
    angle = 3 * torch.pi * radius + torch.pi * label
    noise = 0.02 * torch.randn(size, 2, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1) + noise, label


def save(path, state):
    """Written beside it and renamed, so that a kill leaves the previous one intact."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def main():
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, request_stop)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    width = args.width
    model = nn.Sequential(
        nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
    ).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)

    step = 0
    args.checkpoints.mkdir(parents=True, exist_ok=True)
    checkpoint = args.checkpoints / "last.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        step = saved["step"]
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        generator.set_state(saved["generator"])

    while step < args.steps:
        step += 1
        points, label = spirals(128, generator)
        loss = nn.functional.cross_entropy(model(points.to(device)), label.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % LOG_EVERY == 0:
            print(f"step {step} loss {loss.item():.5f}", flush=True)
        if stop_requested or step % CHECKPOINT_EVERY == 0:
            state = {
                "step": step,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "generator": generator.get_state(),
            }
            save(checkpoint, state)
        if stop_requested:
            sys.exit(STOPPED)

    points, label = spirals(2000, torch.Generator().manual_seed(1))
    with torch.no_grad():
        right = model(points.to(device)).argmax(1).cpu() == label
    print(f"test accuracy {right.float().mean().item():.4f}")


if __name__ == "__main__":
    main()
