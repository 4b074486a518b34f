"""The formula images of src/image/golden.rs, for the scripts that write golden files."""

import numpy as np


def _grid(height, width):
    return np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")


def texture(height, width):
    y, x, c = _grid(height, width)
    waves = (x * x * (c + 1) + 3 * y * y + x * y * (2 - c)) // 16
    return ((waves + 37 * c + (x // 8 + y // 8) % 2 * 64) % 256).astype(np.uint8)


def smooth(height, width):
    y, x, c = _grid(height, width)
    inside = lambda cx, cy, square: (x - cx) ** 2 + (y - cy) ** 2 < square
    slope = np.abs((5 * x + 3 * y + 40 * c) % 256 - 128)
    bumps = 90 * inside(64, 64, 1600) - 150 * inside(50, 52, 60)
    return np.clip(64 + slope + bumps, 0, 255).astype(np.uint8)


def perturb(image):
    y, x, c = _grid(*image.shape[:2])
    return np.clip(image.astype(int) + (7 * x + 13 * y + 5 * c) % 21 - 10, 0, 255).astype(np.uint8)


NAMED = {"texture": texture, "smooth": smooth}
