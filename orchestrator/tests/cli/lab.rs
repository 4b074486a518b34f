//! The experiment of these tests, and what a person sees of its run from outside.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use experiments::protocol::events::{Event, Line};
use orchestrator::run_dir::attempt::AttemptDir;
use serde_json::Value;

pub(crate) use crate::common::lab::{Ended, Lab, Recorded, Running};
use crate::common::processes;
pub(crate) use crate::common::wait::wait_for;

/// Two variants of twenty steps, slow enough to be caught half-way.
pub(crate) const FILE: &str = "\
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

impl Lab {
    /// A folder with the usual file, `trip.yaml`.
    pub(crate) fn new() -> Self {
        Self::with_file(FILE)
    }

    /// A folder with the usual file, some of its text replaced.
    pub(crate) fn with(changes: &[(&str, &str)]) -> Self {
        let lab = Self::new();
        lab.edit(changes);
        lab
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

    /// Runs `orch`, which must end well, and reads its only output: one JSON object.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let ended = self.orch(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.json()
    }

    /// Runs a line of shell where `orch` would run, to its end.
    pub(crate) fn limited(&self, script: &str) -> Ended {
        let orch = self.command("");
        let environment = orch.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).envs(environment).current_dir(self.path(""));
        Ended::of(shell.output().unwrap())
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
            .map(|line| line["entry"].clone())
            .filter(|entry| entry["trial"].as_str().is_some_and(|id| id.starts_with(name)))
            .filter_map(|entry| Some(entry["to"]["state"].as_str()?.to_owned()))
            .collect()
    }
}

/// A file's usual records, made by a run that nothing disturbed.
pub(crate) fn undisturbed(changes: &[(&str, &str)]) -> Recorded {
    let lab = Lab::with(changes);
    let ended = lab.orch("run trip.yaml");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    lab.recorded()
}

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        assert!(processes::try_signal(self.pid(), name), "kill {name}");
    }

    /// Kills it alone.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Ended {
    /// All of standard output as one JSON object of the schema that is documented.
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        assert_eq!(value["schema"], 1);
        value
    }
}
