#!/bin/sh
# Compresses numbers with gzip, block by block, and prints the ratio so far.
# Usage: compress.sh --level 1..9 --seed N
set -eu

level=6 seed=0
while [ $# -gt 0 ]; do
    case $1 in
        --level) level=$2 ;;
        --seed) seed=$2 ;;
        *) echo "unknown option $1" >&2; exit 64 ;;
    esac
    shift 2
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
before=0 after=0
for block in 1 2 3 4 5 6 7 8; do
    awk -v seed="$seed$block" 'BEGIN {
        srand(seed)
        for (i = 0; i < 20000; i++) print int(1000 * rand() * rand())
    }' >"$folder/numbers"
    gzip -c "-$level" "$folder/numbers" >"$folder/numbers.gz"
    before=$((before + $(wc -c <"$folder/numbers")))
    after=$((after + $(wc -c <"$folder/numbers.gz")))
    echo "block $block: $(awk -v a="$after" -v b="$before" 'BEGIN { print "ratio", a / b }')"
done
