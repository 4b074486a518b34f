#!/usr/bin/env bash
# The cost of a run on Slurm: `scripts/bench-slurm.sh [TRIALS]` starts a cluster of two nodes, queues all
# trials (500) at once, runs 16 at a time, each 20 steps in five seconds, and prints the measurements. The
# trials sleep; their processes are real. docs/scale.md has figures and an extrapolation.
set -eu -o pipefail
cd "$(dirname "$0")/.."
trials=${1:-500}
cargo build --quiet --locked -p orchestrator --bins --features fake-worker
bin=$PWD/target/debug slurm=$PWD/scripts/slurm.sh
dir=$(mktemp -d)
trap '"$slurm" down "$dir/slurm"; rm -rf "$dir"' EXIT
export SLURM_CPUS=8
export "$("$slurm" up "$dir/slurm")"

# Counts the calls of Slurm's programs.
mkdir "$dir/bin"
for program in sbatch squeue scancel scontrol; do
    printf '#!/bin/sh\necho %s >>"%s/calls"\nexec %s "$@"\n' $program "$dir" "$(command -v $program)" \
        >"$dir/bin/$program"
done
chmod +x "$dir"/bin/*
export PATH="$dir/bin:$bin:$PATH" ORCH_STATE_DIR="$dir/state"

experiment() { # NAME SEEDS SLEEP_MS
    cat >"$dir/$1.yaml" <<YAML
orch: 1
name: $1
worker: {command: [fake-worker]}
config: {steps: 20, sleep_ms: $3, checkpoint_every: 10}
variants: {a: {}}
seeds: [$(seq -s, 0 $(($2 - 1)))]
executor: slurm
slurm: {max_submit: $2}
resources: {disk: 1MiB}
YAML
}
cd "$dir"

# From the decision until the holder owns the attempt, one trial at a time.
experiment one 9 0
orch run one.yaml -q -j 1
for trial in runs/one/trials/*; do
    id=$(basename "$trial")
    decided=$(grep "\"$id\"" runs/one/journal.jsonl | grep '"to":{"state":"starting"' |
        sed 's/.*"time_ms":\([0-9]*\).*/\1/')
    owned=$(sed -n 's/.*"time_ms": \([0-9]*\).*/\1/p' "$trial/attempt-1/owner")
    echo $((owned - decided))
done | sort -n | sed -n '5{s/.*/from the decision until the holder runs, median of 9: & ms/p}'

: >calls
experiment many "$trials" 250
begin=$(date +%s)
TIMEFORMAT='%U %S'
{ time orch run many.yaml -q; } 2>time
echo "$trials trials of five seconds, 16 at a time: $(($(date +%s) - begin)) s"
read -r user system <time
echo "supervisor: $user s user, $system s system"
echo "calls: $(sort calls | uniq -c | tr -s ' \n' ' ')"
files=$(find runs/many/trials -type f | wc -l) folders=$(find runs/many/trials -mindepth 1 -type d | wc -l)
echo "files: $files, folders: $folders; $(du -sk --apparent-size runs/many/trials | cut -f1) kB"
echo "journal: $(stat -c %s runs/many/journal.jsonl) B; database: $(stat -c %s runs/many/orch.db) B"
