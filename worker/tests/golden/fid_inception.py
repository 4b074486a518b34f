"""Writes what pytorch-fid's Inception makes of formula weights and formula images.

fid_inception_names.json has the names and shapes of the weights, fid_inception.safetensors the
features, and mean and mean square of the blocks before. The network is built by pytorch-fid's own code, which is given these weights in place of a download.
Made on a CPU with torch 2.11.0, torchvision 0.26.0 and pytorch-fid 0.3.0:
pip install torch==2.11.0 torchvision==0.26.0 pytorch-fid==0.3.0 safetensors
"""

import json
import pathlib

import numpy as np
import torch
import torchvision
from pytorch_fid import inception
from safetensors.torch import save_file

from formula_images import smooth, texture


def scrambled(count, tensor):
    """Numbers in [-1, 1) from a 32-bit hash of the position and the tensor's number."""
    x = np.arange(count, dtype=np.uint32) + np.uint32(tensor * 0x9E3779B9 % 2**32)
    x ^= x >> 16
    x *= np.uint32(0x7FEB352D)
    x ^= x >> 15
    x *= np.uint32(0x846CA68B)
    x ^= x >> 16
    return x / 2**31 - 1


def formula(name, tensor, shape):
    x = scrambled(np.prod(shape, dtype=int), tensor).reshape(shape)
    if name.endswith("conv.weight"):
        return np.sqrt(6 / np.prod(shape[1:])) * x  # keeps activations at their size
    return 0.2 * x + (1 if name.endswith(("bn.weight", "bn.running_var")) else 0)


shapes = {}


def formula_weights(*_, **__):
    network = torchvision.models.inception_v3(
        num_classes=1008, aux_logits=False, init_weights=False)
    state = network.state_dict()
    unused = lambda name: name.startswith("fc.") or name.endswith("num_batches_tracked")
    for tensor, name in enumerate(sorted(name for name in state if not unused(name))):
        shapes[name] = list(state[name].shape)
        state[name] = torch.from_numpy(formula(name, tensor, state[name].shape)).float()
    return state


inception.load_state_dict_from_url = formula_weights
network = inception.InceptionV3(output_blocks=(0, 1, 2, 3)).eval()
images = [texture(40, 48), smooth(128, 128)]
planes = [torchvision.transforms.functional.to_tensor(image).unsqueeze(0) for image in images]
blocks = [torch.cat(outputs) for outputs in zip(*map(network, planes))]
golden = {"features": blocks[3].flatten(1)}
for number, block in enumerate(blocks[:3]):
    golden[f"block{number}"] = torch.stack([block.mean((1, 2, 3)), block.square().mean((1, 2, 3))])
here = pathlib.Path(__file__).parent
save_file(golden, here / "fid_inception.safetensors")
(here / "fid_inception_names.json").write_text(json.dumps(shapes))
