#!/bin/sh
# Time and memory of a report: of 21 trials with 100,000 points each, and of 20 trials with 500,000. A
# worker in awk writes the points, `orch run` ingests them. Needs GNU time.
#
#   scripts/bench-report.sh [FOLDER]   keeps the runs in FOLDER; default: a temporary folder
set -eu
orch=$(cd "$(dirname "$0")/.." && pwd)/target/release/orch
folder=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder" && cd "$folder"

cat > worker.sh <<'END'
awk -v points="$1" -v seed="$ORCH_SEED" 'BEGIN {
    srand(seed)
    for (step = 1; step <= points; step++)
        printf "{\"event\":\"metrics\",\"step\":%d,\"values\":{\"loss\":%.6f},\"time\":%.2f}\n",
            step, 1000 / (step + 999) + rand() / 10, 1767225600 + step / 50
    printf "{\"event\":\"result\",\"values\":{\"loss\":%.6f}}\n", 0.1 + rand() / 100
}' >> "$ORCH_EVENTS"
END

bench() {
    name=$1 seeds=$2 points=$3
    cat > "$name.yaml" <<END
orch: 1
name: $name
worker: {command: [sh, $folder/worker.sh, "$points"]}
variants: {a: {set: {n: 1}}, b: {set: {n: 2}}, c: {set: {n: 3}}, d: {set: {n: 4}}${4:+, $4}}
seeds: [$seeds]
report:
  table: {name: table, columns: [{metric: loss, better: lower, decimals: 4}], baseline: a}
  figures: [{curve: {name: loss, metric: loss}}]
END
    /usr/bin/time -f "$name: run and ingest   %e s (CPU %U + %S s), %M KiB" "$orch" -q run "$name.yaml" -j2
    "$orch" query "select count(*) as points from point" "$name" --format csv | tail -1
    for _ in 1 2 3; do
        /usr/bin/time -f "$name: report           %e s (CPU %U + %S s), %M KiB" "$orch" -q report "$name" > report.txt
    done
}

bench thousands 0,1,2 100000 "e: {set: {n: 5}}, f: {set: {n: 6}}, g: {set: {n: 7}}"
bench millions 0,1,2,3,4 500000
