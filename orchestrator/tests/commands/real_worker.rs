//! `orch` and `orch-worker` together, both killed again and again: they end with the weights of a run
//! without faults, bit for bit.
//!
//! `orch-worker` is taken from beside `orch`, where `cargo test --workspace` builds it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use orchestrator::cli;
use orchestrator::store::{Store, Times};
use serde_json::Value;

use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [orch-worker, train], check: [orch-worker, check]}
resources: {cpus: 1}
retry: {attempts: 3, backoff: 1ms}
config:
  device: cpu
  data: {train_count: 12, validation_count: 3}
  image: {size: 16, low: 4}
  model: {inner: 8, multipliers: [1, 2], blocks: 1, groups: 4, attention: 0}
  diffusion: {schedule: cosine, steps: 8, prediction: v, level: sample}
  training: {iterations: 600, batch: 4, learning_rate: 1e-3, warmup: 5, ema: 0.9, checkpoint_every: 20, log_every: 4}
  evaluation: {every: 150, curve_images: 2, ddim_steps: 3, images: 3, batch: 2, sheet_images: 1}
variants:
  cos: {}
  res: {set: {diffusion.residual: plain, model.input: attention}}
seeds: [0]
";

/// The tensors of the last checkpoint, the curve and the final values, by trial.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    weights: BTreeMap<String, Weights>,
    curves: BTreeMap<String, Vec<(u64, u64)>>,
    results: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The header of a safetensors file, and the bytes of all tensors.
type Weights = (Value, Vec<u8>);

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn killed_trainings_end_with_the_weights_of_a_training_without_faults() {
    if !Path::new(env!("CARGO_BIN_EXE_orch")).with_file_name("orch-worker").exists() {
        eprintln!("skipped: there is no `orch-worker` beside `orch`; `cargo build` makes one");
        return;
    }
    let reference = TestRun::with_file(FILE);
    reference.orch("run trip.yaml").expect(0, &["2 of 2"]);

    let test = TestRun::with_file(FILE);
    let mut run = test.start("run trip.yaml -j 2");
    for kill in 1..=6 {
        wait_for("another checkpoint", || (newest(&test) >= 80 * kill).then_some(()));
        if kill % 2 == 0 {
            // The workers die with their holders; the supervisor goes on.
            for holder in processes::holders(test.folder.path()) {
                try_signal(holder, "-KILL");
            }
        } else {
            test.kill_all();
            run = test.start("run trip.yaml -j 2");
        }
    }
    run.end().expect(0, &["2 of 2"]);
    let attempts = test.attempts("cos-s0-") + test.attempts("res-s0-");
    assert!(attempts > 6, "{attempts} attempts after 6 kills");
    assert_eq!(outcome(&test), outcome(&reference));
}

/// The step of the trials' newest checkpoint.
fn newest(test: &TestRun) -> u64 {
    checkpoints(test).iter().map(|path| step(path)).max().unwrap_or(0)
}

fn step(checkpoint: &Path) -> u64 {
    let name = checkpoint.file_stem().unwrap().to_str().unwrap();
    name.strip_prefix("step-").unwrap().parse().unwrap()
}

fn checkpoints(test: &TestRun) -> Vec<PathBuf> {
    let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    entries(test.run_dir().join("trials"))
        .flat_map(|trial| entries(trial.path().join("checkpoints")))
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect()
}

fn outcome(test: &TestRun) -> Outcome {
    let mut outcome = Outcome::default();
    for path in checkpoints(test).into_iter().filter(|path| step(path) == 600) {
        let trial = path.ancestors().nth(2).unwrap().file_name().unwrap();
        outcome.weights.insert(trial.to_str().unwrap().to_owned(), weights(&path));
    }
    assert_eq!(outcome.weights.len(), 2, "a last checkpoint is missing");
    let read = async {
        let mut store = Store::open_read_only(&test.run_dir().join("orch.db")).await?;
        for (trial, series) in store.series("val/psnr", Times::Left).await? {
            let points = series.iter().map(|sample| (sample.step, sample.value.to_bits()));
            outcome.curves.insert(trial.0, points.collect());
        }
        for (trial, values) in store.results().await? {
            let measured = values.into_iter().filter(|(name, _)| !name.contains("seconds"));
            let bits = measured.map(|(name, value)| (name, value.to_bits()));
            outcome.results.insert(trial.0, bits.collect());
        }
        anyhow::Ok(())
    };
    cli::block_on(read).unwrap().unwrap();
    outcome
}

/// A safetensors file without its metadata, which contain the duration of the training.
fn weights(path: &Path) -> Weights {
    let bytes = fs::read(path).unwrap();
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
    let mut header: Value = serde_json::from_slice(header).unwrap();
    header.as_object_mut().unwrap().remove("__metadata__");
    (header, data.to_vec())
}
