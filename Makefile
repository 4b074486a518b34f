# make table1   the demo of experiments/table1.yaml, from a fresh clone to the table and figures
# make hello    one of the examples, without libtorch: six trainings in plain Python and their table
# make test     everything that continuous integration checks
# make unit     all tests in Rust but those of slurm, which need Slurm (scripts/slurm.sh install)
# make slurm    tests with a Slurm cluster of this machine alone
# make python   tests of the Python helper and the examples; ORCH_TEST_PYTHON names a Python with
#               python/requirements-test.txt
# make bench    all benchmarks that follow but the last; docs/benchmarks.md has figures
# make bench-orchestration   cost of trials, of watching them, and of looking at thousands; beside HyperQueue
#               where `pip install hyperqueue` has brought it
# make bench-report   time and memory of a report of millions of points
# make bench-ingest   points a second from events to the database, beside bare SQLite
# make bench-data     throughput of data loading
# make bench-worker   training steps of the worker on a CPU; scripts/bench-worker.py also measures the unofficial
#               SR3 in PyTorch
# make bench-python   cost of the calls of the Python helper
# make bench-slurm    cost of a run of 500 trials on a local Slurm cluster; needs root
# make faults   experiments with hundreds of injected faults; set FAULTS=500 SEED=7, MUTATIONS=500 for
#               damaged files and forged bundles, CUTS=20 for power cuts
# make crashes  every verb that writes, killed before each of its changes to files
# make simulate the orchestrator's decisions in a simulation; set EVENTS=1000000 SEED=1
# make simulate-statistics   error rates and power of the reports' tests in simulated experiments; set
#               SIMULATIONS=20000
# make audit    licences, sources and users of libraries (cargo-deny), and spelling (typos)
# make build    release binaries: target/release/orch and target/release/orch-worker
# make dist     target/dist/orch-*.tar.gz, for machines without Rust; needs cargo-about
# make book     the documentation as a book, target/book/index.html; needs mdbook

FAULTS ?= 200
EVENTS ?= 1000000
SEED ?= 1
SIMULATIONS ?= 20000

.PHONY: hello table1 test python audit bench bench-orchestration bench-report bench-ingest bench-data bench-worker \
  bench-python bench-slurm faults crashes simulate simulate-statistics build dist book libtorch format lint docs unit slurm

hello:
	cargo build --locked --workspace --bin orch
	cd examples/argparse && ../../target/debug/orch run argparse.yaml && ../../target/debug/orch report argparse

table1: build
	target/release/orch run experiments/table1.yaml
	target/release/orch report table1.demo

build: libtorch
	cargo build --release --locked --bin orch --bin orch-worker

dist:
	scripts/dist.sh

book:
	mdbook build docs

libtorch:
	@scripts/libtorch.sh

bench: bench-orchestration bench-ingest bench-report bench-data bench-worker bench-python

bench-orchestration:
	cargo build --release --locked --bin orch -p orchestrator
	python3 scripts/bench-orchestration.py target/release/orch

bench-data: libtorch
	cargo bench --locked -p worker --bench data

bench-worker: libtorch
	cargo build --release --locked -p worker --bin orch-worker
	python3 scripts/bench-worker.py target/release/orch-worker

bench-report:
	cargo build --release --locked --bin orch -p orchestrator
	scripts/bench-report.sh

bench-ingest:
	cargo bench --locked -p orchestrator --bench ingest

bench-python:
	PYTHONPATH=python python3 python/bench.py

bench-slurm:
	scripts/bench-slurm.sh

faults:
	FAULTS=$(FAULTS) SEED=$(SEED) cargo test --locked -p orchestrator --test faults -- --nocapture

crashes:
	CRASH_POINTS=all cargo test --locked -p orchestrator --test faults -- crash_points

simulate:
	EVENTS=$(EVENTS) SEED=$(SEED) cargo test --locked -p orchestrator --test simulator -- --nocapture

simulate-statistics:
	SIMULATIONS=$(SIMULATIONS) cargo test --locked -p reports --lib -- --nocapture simulation

# The last three at the same time: their tests wait for processes more than they compute.
test: libtorch format lint docs
	$(MAKE) --jobs=3 --output-sync=recurse unit python slurm

audit:
	cargo deny check licenses bans sources
	typos

format:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

unit:
	cargo test --workspace --locked

slurm:
	cargo test --workspace --locked --test slurm

# The program `orch` is the one that `unit` builds.
python:
	@if [ -n "$$ORCH_TEST_PYTHON" ]; then \
		cargo test --workspace --locked --no-run --quiet && "$$ORCH_TEST_PYTHON" -m pytest -n 2 --dist loadfile python/tests; \
	else \
		echo "skipped: ORCH_TEST_PYTHON names no Python (with python/requirements-test.txt)"; \
	fi
