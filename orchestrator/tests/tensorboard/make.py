"""Writes the event files beside it, and `expected.json`: what TensorBoard's own reader makes of them.

    python -m venv py && py/bin/pip install tensorboard==2.21.0 tensorboardX==2.6.5
    py/bin/python orchestrator/tests/tensorboard/make.py
"""

import glob
import json
import os
import shutil

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_ndarray
from tensorboardX import SummaryWriter

HERE = os.path.dirname(os.path.abspath(__file__))
START = 1_700_000_000


def name_alike(folder, number):
    """Names the newest file in `folder` as on every machine."""
    files = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    newest = next(f for f in files if not f.endswith(".machine"))
    os.rename(newest, os.path.join(folder, f"events.out.tfevents.{START + number}.machine"))


def plain(folder):
    """By tensorboardX, as `torch.utils.tensorboard` writes: simple values, and a restart at step 3."""
    for number, steps in enumerate([range(5), range(3, 8)]):
        writer = SummaryWriter(folder)
        for step in steps:
            time = START + 10 * step + number
            writer.add_scalar("loss", 1 / (step + 1 + number), step, walltime=time)
            writer.add_scalar("val/psnr", float("nan") if step == 1 else 20 + step, step, walltime=time)
        writer.add_histogram("weights", numpy.arange(8.0), 1, walltime=START)
        writer.close()
        name_alike(folder, number)


def tensors(folder):
    """As TensorFlow 2 writes, whose metadata stand with the first point alone, and as PyTorch's
    `new_style`, whose tensors are lists of floats or doubles."""
    writer = EventFileWriter(folder)

    def add(summary, step):
        writer.add_event(Event(wall_time=START + step, step=step, summary=summary))

    for step in range(4):
        summary = scalar_pb("epoch_loss", 0.1 * step)
        if step:
            summary.value[0].ClearField("metadata")
        add(summary, step)
        plugin = SummaryMetadata.PluginData(plugin_name="scalars")
        for kind in ["float", "double"]:
            tensor = TensorProto(dtype=f"DT_{kind.upper()}", **{f"{kind}_val": [0.1 * step]})
            metadata = SummaryMetadata(plugin_data=plugin)
            value = Summary.Value(tag=f"new/{kind}", tensor=tensor, metadata=metadata)
            add(Summary(value=[value]), step)
    add(text_pb("note", "no scalar"), 1 << 40)
    writer.close()
    name_alike(folder, 0)


def points(folder):
    """Every scalar of a folder, the later one where a step is said twice."""
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        found[tag] = {p.step: p.value for p in events.Scalars(tag)}
    for tag in events.Tags()["tensors"]:
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            found[tag] = {p.step: make_ndarray(p.tensor_proto).item() for p in events.Tensors(tag)}
    as_json = lambda value: value if value == value else "NaN"
    return {t: [[s, as_json(v)] for s, v in sorted(of.items())] for t, of in sorted(found.items())}


expected = {}
for name, write in [("plain", plain), ("tensors", tensors)]:
    folder = os.path.join(HERE, "logs", name)
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)
    expected[name] = points(folder)
with open(os.path.join(HERE, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1)
    file.write("\n")
