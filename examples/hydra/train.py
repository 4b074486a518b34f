"""A Hydra application: a walk down the Rosenbrock function by noisy gradients."""

import logging
import random

import hydra
from omegaconf import DictConfig

log = logging.getLogger(__name__)


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def gradient(x, y):
    return -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config: DictConfig) -> None:
    rng = random.Random(config.seed)
    x, y = rng.uniform(-1.5, -1), rng.uniform(1, 2)
    for step in range(1, config.steps + 1):
        lr = config.optimizer.lr / (1 + config.optimizer.decay * step)
        dx, dy = (g + rng.gauss(0, 1) for g in gradient(x, y))
        length = max(1.0, (dx * dx + dy * dy) ** 0.5)
        x, y = x - lr * dx / length, y - lr * dy / length
        if step % 10 == 0:
            log.info("step %d value %.5f", step, rosenbrock(x, y))


if __name__ == "__main__":
    main()
