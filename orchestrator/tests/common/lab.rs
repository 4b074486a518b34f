//! A folder with an experiment file and the runs of one test, and what a person would do there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use experiments::protocol::trial_id::TrialId;
use orchestrator::cli;
use orchestrator::store::{Store, Times};

use super::processes;
use super::wait::wait_for;
use crate::place::{Place, SETTINGS};

/// What is recorded of every trial: all points of `loss` that count, and the final values, both by
/// variant and seed, `a-s0`.
pub(crate) type Recorded =
    (BTreeMap<String, Vec<(u64, f64)>>, BTreeMap<String, BTreeMap<String, f64>>);

/// One test's folder.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) place: Place,
}

impl Drop for Lab {
    /// A test that failed leaves nothing running either.
    fn drop(&mut self) {
        self.kill_everything();
    }
}

impl Lab {
    /// A folder with this file, `trip.yaml`.
    pub(crate) fn with_file(text: &str) -> Self {
        Self::at(Place::new(), text)
    }

    /// A folder with this file, whose trials run at `place`.
    pub(crate) fn at(place: Place, text: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap(), place };
        lab.write(&(text.to_owned() + SETTINGS));
        lab
    }

    /// Replaces the file.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path("trip.yaml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The run's folder.
    pub(crate) fn run_folder(&self) -> PathBuf {
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
            .env_remove("FAKE_WORKER_BUILD")
            .env_remove("FAKE_WORKER_DATA")
            .envs(self.place.environment.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `orch` to its end.
    pub(crate) fn orch(&self, arguments: &str) -> Ended {
        self.start(arguments).end()
    }

    /// Starts `orch` and leaves it to work.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        self.start_with(arguments, &[])
    }

    /// Starts `orch` in an environment that has more than usual.
    pub(crate) fn start_with(&self, arguments: &str, environment: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        Running(command.envs(environment.iter().copied()).spawn().unwrap())
    }

    /// What the database holds, through the views that reports are drawn from.
    pub(crate) fn recorded(&self) -> Recorded {
        let mut recorded = Recorded::default();
        let read = async {
            let database = self.run_folder().join("orch.db");
            let mut store = Store::open_read_only(&database).await?;
            for (id, series) in store.series("loss", Times::Left).await? {
                let points = series.iter().map(|sample| (sample.step, sample.value));
                recorded.0.insert(name(&id), points.collect());
            }
            let results = store.results().await?;
            recorded.1 = results.into_iter().map(|(id, values)| (name(&id), values)).collect();
            anyhow::Ok(())
        };
        cli::block_on(read).unwrap().unwrap();
        recorded
    }

    /// Kills supervisor, holders and workers, in this order, and waits until they are gone.
    pub(crate) fn kill_everything(&self) {
        processes::kill_all_of(self.folder.path());
    }
}

/// Variant and seed of a trial: its id without the hash of its config.
fn name(id: &TrialId) -> String {
    id.0.rsplit_once('-').unwrap().0.to_owned()
}

/// `orch` at work.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        wait_for("the end of `orch`", || self.0.try_wait().unwrap());
        Ended::of(self.0.wait_with_output().unwrap())
    }
}

/// What `orch` said, and its exit code.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code and that standard error says all of `words`.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in:\n{}", self.stderr);
        }
    }
}
