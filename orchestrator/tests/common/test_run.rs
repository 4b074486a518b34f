//! A folder with an experiment file and its runs, and `orch` as a person calls it there.
//!
//! Trials run by the executor of the test program, `crate::executor`: this machine or Slurm.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use experiments::protocol::trial_id::TrialId;
use orchestrator::cli;
use orchestrator::store::{Store, Times};

use super::processes;
use super::wait::wait_for;
use crate::executor::{Executor, SETTINGS};

/// The records of a run, by variant and seed (`a-s0`).
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recorded {
    /// Steps and values of `loss`, without those of abandoned attempts.
    pub(crate) loss: BTreeMap<String, Vec<(u64, f64)>>,
    /// The final values, by metric.
    pub(crate) results: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The folder of one test; its processes are killed when dropped.
pub(crate) struct TestRun {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) executor: Executor,
}

impl Drop for TestRun {
    fn drop(&mut self) {
        self.kill_all();
    }
}

impl TestRun {
    /// A folder with this experiment file, `trip.yaml`.
    pub(crate) fn with_file(text: &str) -> Self {
        Self::at(Executor::new(), text)
    }

    /// The same with an executor of its own.
    pub(crate) fn at(executor: Executor, text: &str) -> Self {
        let test = Self { folder: tempfile::tempdir().unwrap(), executor };
        test.write(&(text.to_owned() + SETTINGS));
        test
    }

    /// Replaces the experiment file.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path("trip.yaml"), text).unwrap();
    }

    /// A path below the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.path("runs/trip")
    }

    /// `orch` with `arguments` (separated by spaces), as typed in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orch"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("ORCH_STATE_DIR", self.path("state"))
            .env_remove("ORCH_RUNS")
            .env_remove("ORCH_INVENTORY")
            .env_remove("CUDA_VISIBLE_DEVICES")
            .env_remove("ORCH_LOG")
            .env_remove("ORCH_DB_DIR")
            // As on most machines, where Python writes bytecode into the project.
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .env_remove("FAKE_WORKER_BUILD")
            .env_remove("FAKE_WORKER_DATA")
            .envs(self.executor.environment.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `orch` to its end.
    pub(crate) fn orch(&self, arguments: &str) -> Ended {
        self.start(arguments).end()
    }

    /// Starts `orch` without waiting for it.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        self.start_with(arguments, &[])
    }

    /// Starts `orch` with more variables in its environment.
    pub(crate) fn start_with(&self, arguments: &str, environment: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        Running(command.envs(environment.iter().copied()).spawn().unwrap())
    }

    /// The contents of the database, read as reports read them.
    pub(crate) fn recorded(&self) -> Recorded {
        let mut recorded = Recorded::default();
        let read = async {
            let database = self.run_dir().join("orch.db");
            let mut store = Store::open_read_only(&database).await?;
            for (id, series) in store.series("loss", Times::Left).await? {
                let points = series.iter().map(|sample| (sample.step, sample.value));
                recorded.loss.insert(variant_and_seed(&id), points.collect());
            }
            for (id, values) in store.results().await? {
                recorded.results.insert(variant_and_seed(&id), values);
            }
            anyhow::Ok(())
        };
        cli::block_on(read).unwrap().unwrap();
        recorded
    }

    /// Kills supervisor, holders and workers, in this order, and waits for their end.
    pub(crate) fn kill_all(&self) {
        processes::kill_all_of(self.folder.path());
    }
}

/// A trial's id without the hash of its config.
fn variant_and_seed(id: &TrialId) -> String {
    id.0.rsplit_once('-').unwrap().0.to_owned()
}

/// An `orch` that has been started.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        wait_for("the end of `orch`", || self.0.try_wait().unwrap());
        Ended::of(self.0.wait_with_output().unwrap())
    }
}

/// Exit code and output of an `orch` that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or_else(|| panic!("{output:?}")),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code, and that standard error contains each of `parts`.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in:\n{}", self.stderr);
        }
    }
}
