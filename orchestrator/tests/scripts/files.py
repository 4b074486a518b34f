"""Writes its metrics to files in the working directory, as logging libraries do: JSON lines, a CSV with
empty cells, and TensorBoard's event files in two folders."""

import json
import os
import struct


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def record(step, tag, value):
    scalar = field(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
    event = varint(1 << 3 | 1) + struct.pack("<d", 1.7e9 + step)
    event += varint(2 << 3) + varint(step) + field(5, field(1, scalar))
    length = struct.pack("<Q", len(event))
    return length + crc32c(length) + event + crc32c(event)


for part in ("train", "validation"):
    os.makedirs(f"logs/{part}", exist_ok=True)
    with open(f"logs/{part}/events.out.tfevents.1.{os.getpid()}", "wb") as events:
        for step in range(5):
            events.write(record(step, "loss", 2.0**-step + (part == "validation")))

with open("metrics.jsonl", "a") as lines:
    for step in range(3):
        value = float("nan") if step == 1 else step / 2
        print(json.dumps({"iter": step, "time": "now", "eval": {"f1": value}}), file=lines)
    print("{not json", file=lines)

with open("log.csv", "w") as log:
    print("epoch,step,val_acc,train_loss", file=log)
    for step in range(4):
        print(f"{step // 2},{step}," + ("" if step % 2 else f"{step / 10}") + f",{1 / (step + 1)}", file=log)
    # The last line is without its end.
    log.write("2,4,0.25,")
