"""Logistic regression in PyTorch; the curves are for TensorBoard."""

import argparse

import torch
from torch.utils.tensorboard import SummaryWriter


def make_data(size, generator):
    features = torch.randn(size, 5, generator=generator)
    labels = (features.sum(dim=1) + 0.5 * torch.randn(size, generator=generator) > 0).float()
    return features, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--logdir", default="logs")
    args = parser.parse_args()

    generator = torch.Generator().manual_seed(args.seed)
    (x, y), (x_test, y_test) = make_data(500, generator), make_data(500, generator)
    weights = torch.zeros(5, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=args.lr)
    with SummaryWriter(args.logdir) as writer:
        for step in range(1, 101):
            batch = torch.randint(500, (args.batch_size,), generator=generator)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(x[batch] @ weights, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            writer.add_scalar("train/loss", loss.item(), step)
            if step % 10 == 0:
                accuracy = ((x_test @ weights > 0) == (y_test > 0.5)).float().mean()
                writer.add_scalar("test/accuracy", accuracy.item(), step)


if __name__ == "__main__":
    main()
