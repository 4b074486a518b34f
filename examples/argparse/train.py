"""Linear regression by stochastic gradient descent, as a script with options and a log."""

import argparse
import random

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--momentum", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)


def make_data(rng, size, weights):
    for _ in range(size):
        features = [rng.gauss(0, 1) for _ in weights]
        target = sum(w * x for w, x in zip(weights, features)) + rng.gauss(0, 0.1)
        yield features, target


def predict(weights, features):
    return sum(w * x for w, x in zip(weights, features))


def mean_squared_error(weights, data):
    return sum((predict(weights, x) - y) ** 2 for x, y in data) / len(data)


def main():
    args = parser.parse_args()
    rng = random.Random(args.seed)
    truth = [rng.uniform(-1, 1) for _ in range(8)]
    train, test = list(make_data(rng, 200, truth)), list(make_data(rng, 200, truth))
    weights, velocity = [0.0] * 8, [0.0] * 8
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        for features, target in train:
            error = predict(weights, features) - target
            for i, x in enumerate(features):
                velocity[i] = args.momentum * velocity[i] - args.lr * 0.01 * error * x
                weights[i] += velocity[i]
        print(f"epoch {epoch}/{args.epochs} loss {mean_squared_error(weights, train):.5f}")
    print(f"test mse: {mean_squared_error(weights, test):.5f}")


if __name__ == "__main__":
    main()
