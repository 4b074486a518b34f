"""A measurement with noise: its value follows from the seed and the effect alone."""

import argparse
import os
import random
import time

parser = argparse.ArgumentParser()
parser.add_argument("--effect", type=float, default=0.0)
parser.add_argument("--noise", default="own", help="name of the row's noise")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--wait-for", help="file that the seeds from 3 on wait for")
arguments = parser.parse_args()

while arguments.wait_for and arguments.seed >= 3 and not os.path.exists(arguments.wait_for):
    time.sleep(0.01)
noise = random.Random(f"{arguments.noise} {arguments.seed}").gauss(0.0, 1.0)
print(f"psnr={20.0 + arguments.effect + noise}")
