"""Logistic regression by stochastic gradient descent. Put your own training in its place: options in,
a line of output for each value."""

import argparse
import math
import random

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--seed", type=int, default=0)

FEATURES = 20


def make_data(rng, size, truth):
    """Points, each with its class; the closer to the boundary, the noisier."""
    for _ in range(size):
        point = [rng.gauss(0, 1) for _ in truth]
        yield point, rng.random() < probability(truth, point)


def probability(weights, point):
    return 1 / (1 + math.exp(-sum(w * x for w, x in zip(weights, point))))


def loss(weights, data):
    """The mean cross-entropy."""
    right = (p if label else 1 - p for p, label in ((probability(weights, x), y) for x, y in data))
    return -sum(math.log(max(p, 1e-12)) for p in right) / len(data)


def main():
    args = parser.parse_args()
    rng = random.Random(args.seed)
    truth = [rng.gauss(0, 1) for _ in range(FEATURES)]
    train, test = list(make_data(rng, 500, truth)), list(make_data(rng, 1000, truth))

    weights, velocity = [0.0] * FEATURES, [0.0] * FEATURES
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        for point, label in train:
            error = probability(weights, point) - label
            for i, x in enumerate(point):
                velocity[i] = args.momentum * velocity[i] - args.lr / 100 * error * x
                weights[i] += velocity[i]
        print(f"epoch {epoch} loss {loss(weights, train):.5f}", flush=True)

    right = sum((probability(weights, point) > 0.5) == label for point, label in test)
    print(f"test accuracy {right / len(test):.4f}")


if __name__ == "__main__":
    main()
