"""A script as researchers have it: argparse, prints its progress, knows nothing of any orchestrator."""

import argparse
import json
import os
import random
import time

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--model.width", dest="width", type=int, default=8)
parser.add_argument("--sizes", type=int, nargs="*", default=[])
parser.add_argument("--nesterov", action="store_true")
parser.add_argument("--name", default="")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--save", help="folder of the last checkpoint")
parser.add_argument("--out", help="file for the arguments")
parser.add_argument("--crash-at", type=int, default=0, help="epoch of the first run only")
parser.add_argument("--wait-for", help="file to wait for before the last epoch")
args = parser.parse_args()

if args.out:
    with open(args.out, "w") as out:
        json.dump(vars(args), out)

done = 0
last = os.path.join(args.save, "last.json") if args.save else None
if last and os.path.exists(last):
    with open(last) as file:
        done = json.load(file)

for epoch in range(done + 1, args.epochs + 1):
    if epoch == args.crash_at and done == 0:
        raise RuntimeError("the first run fails")
    while args.wait_for and epoch == args.epochs and not os.path.exists(args.wait_for):
        time.sleep(0.01)
    noise = random.Random(args.seed * 1000 + epoch).random()
    loss = args.lr * (1 + noise) / epoch
    acc = 1 - loss if epoch < args.epochs else 0.5
    print(f"epoch {epoch}/{args.epochs} loss={loss} acc={acc}", flush=True)
    if last:
        with open(last + ".tmp", "w") as file:
            json.dump(epoch, file)
        os.replace(last + ".tmp", last)
