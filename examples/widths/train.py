"""A worker in plain Python: a network with one hidden layer learns to tell two spirals apart.

It shows the whole protocol of docs/events.md: it appends events to a file, saves checkpoints
atomically, resumes from the last one, and stops on request.
"""

import json
import math
import os
import pathlib
import random
import signal
import sys
import time

STEPS = 300
CHECKPOINT_EVERY = 50

trial = json.loads(pathlib.Path(os.environ["ORCH_TRIAL"]).read_text())
config, seed = trial["config"], trial["seed"]
checkpoint = pathlib.Path(os.environ["ORCH_CHECKPOINTS"], "last.json")
events = open(os.environ["ORCH_EVENTS"], "a", buffering=1)  # line by line

stop_requested = False


def request_stop(_signal, _frame):
    global stop_requested
    stop_requested = True


def emit(event, **fields):
    events.write(json.dumps({"event": event, "time": time.time(), **fields}) + "\n")


def spirals(points):
    """`points` positions (x, y) on two spirals, each with its class, 0 or 1."""
    for i in range(points):
        radius, turn = i / points, 3 * math.pi * i / points + math.pi * (i % 2)
        yield (radius * math.cos(turn), radius * math.sin(turn)), i % 2


def forward(weights, position):
    """The hidden layer's activations and the probability of class 1."""
    hidden = [math.tanh(a * position[0] + b * position[1] + c) for a, b, c in weights["hidden"]]
    logit = weights["bias"] + sum(w * h for w, h in zip(weights["out"], hidden))
    return hidden, 1 / (1 + math.exp(-logit))


def train_step(weights, data, lr):
    """One pass over the data by stochastic gradient descent; the mean cross-entropy before it."""
    loss = 0.0
    for position, label in data:
        hidden, p = forward(weights, position)
        loss -= math.log(max(p if label else 1 - p, 1e-12)) / len(data)
        error = lr * (p - label)
        for unit, (w, h) in enumerate(zip(weights["out"], hidden)):
            back = error * w * (1 - h * h)
            a, b, c = weights["hidden"][unit]
            weights["hidden"][unit] = [a - back * position[0], b - back * position[1], c - back]
            weights["out"][unit] = w - error * h
        weights["bias"] -= error
    return loss


def save(step, weights):
    """Written to a temporary file and renamed, so that a kill leaves the previous one intact. The events are
    on the disk before: after a power cut no checkpoint is newer than they are."""
    partial = checkpoint.with_suffix(".partial")
    with open(partial, "w") as file:
        json.dump({"step": step, "weights": weights}, file)
        file.flush()
        os.fsync(file.fileno())
    os.fsync(events.fileno())
    partial.rename(checkpoint)
    folder = os.open(checkpoint.parent, os.O_RDONLY)
    os.fsync(folder)  # the new name
    os.close(folder)
    emit("checkpoint", step=step, path=f"checkpoints/{checkpoint.name}")


def main():
    signal.signal(signal.SIGTERM, request_stop)
    data = list(spirals(120))
    if checkpoint.exists():
        saved = json.loads(checkpoint.read_text())
        start, weights = saved["step"], saved["weights"]
        emit("hello", protocol=1, program="train.py", resumed_from=start)
    else:
        rng = random.Random(seed)
        units = range(config["width"])
        weights = {
            "hidden": [[rng.gauss(0, 2), rng.gauss(0, 2), rng.gauss(0, 1)] for _ in units],
            "out": [rng.gauss(0, 1) for _ in units],
            "bias": 0.0,
        }
        start = 0
        emit("hello", protocol=1, program="train.py")

    for step in range(start + 1, STEPS + 1):
        # The order of a step follows from seed and step alone, so that resuming changes nothing.
        order = random.Random(seed * 1_000_003 + step).sample(data, len(data))
        loss = train_step(weights, order, config["lr"])
        emit("progress", phase="train", step=step, of=STEPS)
        if step % 10 == 0:
            emit("metrics", step=step, values={"loss": loss})
        if stop_requested or step % CHECKPOINT_EVERY == 0:
            save(step, weights)
        if stop_requested:
            sys.exit(75)

    right = sum((forward(weights, position)[1] > 0.5) == label for position, label in data)
    emit("result", values={"accuracy": right / len(data)})


main()
