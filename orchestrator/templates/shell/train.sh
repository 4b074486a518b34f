#!/bin/sh
# Gradient descent on a noisy parabola. Put your own program in its place: options in, a line of output
# for each value.
set -eu

rate=0.1 steps=40 seed=0
while [ $# -gt 0 ]; do
    case $1 in
        --rate) rate=$2 ;;
        --steps) steps=$2 ;;
        --seed) seed=$2 ;;
        *) echo "unknown option $1" >&2; exit 64 ;;
    esac
    shift 2
done

awk -v rate="$rate" -v steps="$steps" -v seed="$seed" 'BEGIN {
    srand(seed + 1)
    x = 2 * rand() + 1
    for (step = 1; step <= steps; step++) {
        x -= rate * (2 * x + rand() - 0.5)
        printf "step %d error %.5f\n", step, x < 0 ? -x : x
    }
}'
