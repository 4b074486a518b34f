"""Writes scikit_image.json, scikit-image's own PSNR and SSIM of formula images.

Made with scikit-image 0.26.0, NumPy 2.4.6 and Pillow 13.0.0: pip install scikit-image pillow
"""

import json
import pathlib

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from formula_images import NAMED, perturb


def bicubic(image, height, width):
    return np.asarray(Image.fromarray(image).resize((width, height), Image.BICUBIC))


def enlarged(truth):
    height, width, _ = truth.shape
    return bicubic(bicubic(truth, height // 8, width // 8), height, width)


SR = {
    "perturb(hr)": perturb,
    "bicubic up of lr": enlarged,
    "hr + 6 clipped": lambda truth: np.clip(truth.astype(int) + 6, 0, 255).astype(np.uint8),
}

lines = []
for name, height, width in [("texture", 40, 48), ("smooth", 128, 128), ("texture", 128, 128)]:
    truth = NAMED[name](height, width)
    for sr, degrade in SR.items():
        image = degrade(truth)
        # The settings of Wang et al. (2004), which the SR3 code follows.
        ssim = structural_similarity(
            truth, image, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=255, channel_axis=2,
        )
        psnr = peak_signal_noise_ratio(truth, image, data_range=255)
        case = dict(image=name, height=height, width=width, sr=sr, psnr=psnr, ssim=ssim)
        lines.append("  " + json.dumps(case))
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
