//! A folder with an experiment file and the runs of one test, and what a person would do there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use experiments::events::{Event, Line};
use orchestrator::attempt::AttemptDir;
use orchestrator::commands;
use orchestrator::core::TrialId;
use orchestrator::store::Store;
use serde_json::Value;

use crate::processes;

/// How long anything may take before a test gives up; far longer than it does.
const DEADLINE: Duration = Duration::from_mins(2);

/// Polls until `look` finds something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Two variants of twenty steps, slow enough to be caught half-way.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check], grace: 30s}
retry: {attempts: 3, backoff: 1ms}
config: {steps: 20, sleep_ms: 20, checkpoint_every: 5}
variants:
  a: {label: First}
  b: {label: Second, set: {offset: 1}}
seeds: [0]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

/// What is recorded of every trial: all points of `loss` that count, and the final values, both by
/// variant and seed, `a-s0`.
pub(crate) type Recorded =
    (BTreeMap<String, Vec<(u64, f64)>>, BTreeMap<String, BTreeMap<String, f64>>);

/// One test's folder.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Drop for Lab {
    /// A test that failed leaves nothing running either.
    fn drop(&mut self) {
        self.kill_everything();
    }
}

impl Lab {
    /// A folder with the usual file, `trip.yaml`.
    pub(crate) fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.write(FILE);
        lab
    }

    /// A folder with the usual file, some of its text replaced.
    pub(crate) fn with(changes: &[(&str, &str)]) -> Self {
        let lab = Self::new();
        lab.edit(changes);
        lab
    }

    /// Replaces the file.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.path("trip.yaml"), text).unwrap();
    }

    /// Replaces parts of the file, each of which must be there.
    pub(crate) fn edit(&self, changes: &[(&str, &str)]) {
        let mut text = fs::read_to_string(self.path("trip.yaml")).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "`{from}` is not in the file");
            text = text.replace(from, to);
        }
        self.write(&text);
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
            .env_remove("ORCH_LOG")
            .env_remove("FAKE_WORKER_BUILD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `orch` to its end.
    pub(crate) fn orch(&self, arguments: &str) -> Ended {
        self.start(arguments).end()
    }

    /// Runs `orch`, which must end well, and reads its only output: one JSON object.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let ended = self.orch(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.json()
    }

    /// Starts `orch` and leaves it to work.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        Running(self.command(arguments).spawn().unwrap())
    }

    /// The folder of the one trial whose id starts with `name`, once there is one.
    pub(crate) fn trial(&self, name: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(self.run_folder().join("trials")).ok()?;
        let mut found: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name().to_str().unwrap().starts_with(name))
            .collect();
        assert!(found.len() < 2, "several trials are called {name}");
        Some(found.pop()?.path())
    }

    /// Attempt `number` of that trial.
    pub(crate) fn attempt(&self, trial: &str, number: u32) -> Option<AttemptDir> {
        Some(AttemptDir::new(&self.trial(trial)?, number))
    }

    /// How many attempts that trial has had.
    pub(crate) fn attempts(&self, trial: &str) -> u32 {
        let there = |n| self.attempt(trial, n).is_some_and(|attempt| attempt.path().is_dir());
        let mut attempts = 0;
        while there(attempts + 1) {
            attempts += 1;
        }
        attempts
    }

    /// What an attempt has said so far.
    pub(crate) fn events(&self, trial: &str, number: u32) -> Vec<Event> {
        let attempt = self.attempt(trial, number);
        let text = attempt.and_then(|attempt| fs::read_to_string(attempt.events()).ok());
        let text = text.unwrap_or_default();
        text.lines().filter_map(|line| Some(Line::parse(line).ok()?.event)).collect()
    }

    /// Waits until an attempt has come to `step`.
    pub(crate) fn reach(&self, trial: &str, number: u32, step: u64) {
        wait_for("a step", || {
            let reached = |e: &Event| matches!(e, Event::Metrics { step: s, .. } if *s >= step);
            self.events(trial, number).iter().any(reached).then_some(())
        });
    }

    /// Waits until `orch status` says that the trial is in `state`.
    pub(crate) fn settle(&self, trial: &str, state: &str) {
        wait_for(state, || (self.state(trial)? == state).then_some(()));
    }

    /// The one trial whose id starts with `name`, as `orch status --json` tells it.
    pub(crate) fn status(&self, name: &str) -> Option<Value> {
        let ended = self.orch("status --all --json");
        if ended.code != 0 {
            return None;
        }
        let status = ended.json();
        let trials = status["trials"].as_array().unwrap();
        trials.iter().find(|t| t["id"].as_str().unwrap().starts_with(name)).cloned()
    }

    /// That trial's state.
    pub(crate) fn state(&self, name: &str) -> Option<String> {
        Some(self.status(name)?["status"]["state"].as_str().unwrap().to_owned())
    }

    /// Every state that the journal says a trial went through.
    pub(crate) fn journey(&self, name: &str) -> Vec<String> {
        let journal = fs::read_to_string(self.run_folder().join("journal.jsonl")).unwrap();
        let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["trial"].as_str().is_some_and(|id| id.starts_with(name)))
            .map(|line| line["to"]["state"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the database holds, through the views that reports are drawn from.
    pub(crate) fn recorded(&self) -> Recorded {
        let mut recorded = Recorded::default();
        let read = async {
            let database = self.run_folder().join("orch.db");
            let mut store = Store::open_read_only(&database).await?;
            let series = store.series("loss").await?;
            recorded.0 = series.into_iter().map(|(id, points)| (name(&id), points)).collect();
            let results = store.results().await?;
            recorded.1 = results.into_iter().map(|(id, values)| (name(&id), values)).collect();
            Ok(0)
        };
        commands::block_on(read).unwrap();
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

/// A file's usual records, made by a run that nothing disturbed.
pub(crate) fn undisturbed(changes: &[(&str, &str)]) -> Recorded {
    let lab = Lab::with(changes);
    let ended = lab.orch("run trip.yaml");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    lab.recorded()
}

/// `orch` at work.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        processes::signal(self.0.id(), name);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it alone.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

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
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// All of standard output as one JSON object of the schema that is documented.
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        assert_eq!(value["schema"], 1);
        value
    }

    /// Asserts the exit code and that standard error says all of `words`.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in:\n{}", self.stderr);
        }
    }
}
