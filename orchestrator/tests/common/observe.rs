//! The state of a run, its trials and attempts, observed from outside: by `orch` and in the files.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use experiments::protocol::events::{Event, Line};
use orchestrator::run_dir::attempt::AttemptDir;
use serde_json::Value;

use super::signals::try_signal;
use super::test_run::{Ended, Running, TestRun};
use super::wait::wait_for;

impl TestRun {
    /// The JSON object that `orch` prints, after it has ended with exit code 0.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let ended = self.orch(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.json()
    }

    /// Runs a shell script where and as `orch` would run, to its end.
    pub(crate) fn shell(&self, script: &str) -> Ended {
        let orch = self.command("");
        let environment = orch.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).envs(environment).current_dir(self.path(""));
        Ended::of(shell.output().unwrap())
    }

    /// The folder of the one trial whose id starts with `name`; `None` before it exists.
    pub(crate) fn trial(&self, name: &str) -> Option<PathBuf> {
        let entries = fs::read_dir(self.run_dir().join("trials")).ok()?;
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

    /// The number of attempts that trial has had.
    pub(crate) fn attempts(&self, trial: &str) -> u32 {
        let mut attempts = 0;
        while self.attempt(trial, attempts + 1).is_some_and(|next| next.path().is_dir()) {
            attempts += 1;
        }
        attempts
    }

    /// The events that an attempt has written so far.
    pub(crate) fn events(&self, trial: &str, number: u32) -> Vec<Event> {
        let attempt = self.attempt(trial, number);
        let text = attempt.and_then(|attempt| fs::read_to_string(attempt.events()).ok());
        let text = text.unwrap_or_default();
        text.lines().filter_map(|line| Some(Line::parse(line).ok()?.event)).collect()
    }

    /// Waits until an attempt has reached `step`.
    pub(crate) fn wait_for_step(&self, trial: &str, number: u32, step: u64) {
        wait_for("a step", || {
            self.events(trial, number)
                .iter()
                .any(|event| matches!(event, Event::Metrics { step: s, .. } if *s >= step))
                .then_some(())
        });
    }

    /// Waits until `orch status` shows the trial in `state`.
    pub(crate) fn wait_for_state(&self, trial: &str, state: &str) {
        wait_for(state, || (self.state(trial)? == state).then_some(()));
    }

    /// The one trial whose id starts with `name`, from `orch status --json`.
    pub(crate) fn status(&self, name: &str) -> Option<Value> {
        let ended = self.orch("status --all --json");
        if ended.code != 0 {
            return None;
        }
        let status = ended.json();
        let trials = status["trials"].as_array().unwrap();
        trials.iter().find(|t| t["id"].as_str().unwrap().starts_with(name)).cloned()
    }

    /// The state of that trial.
    pub(crate) fn state(&self, name: &str) -> Option<String> {
        Some(self.status(name)?["status"]["state"].as_str().unwrap().to_owned())
    }

    /// All states of that trial in the journal, oldest first.
    pub(crate) fn state_history(&self, name: &str) -> Vec<String> {
        let journal = fs::read_to_string(self.run_dir().join("journal.jsonl")).unwrap();
        journal
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone())
            .filter(|entry| entry["trial"].as_str().is_some_and(|id| id.starts_with(name)))
            .filter_map(|entry| Some(entry["to"]["state"].as_str()?.to_owned()))
            .collect()
    }
}

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        assert!(try_signal(self.pid(), name), "kill {name}");
    }

    /// Kills this process alone, without its holders and workers.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Ended {
    /// Standard output, which must be one JSON object of the documented schema.
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout).expect("one JSON object");
        assert_eq!(value["schema"], 1);
        value
    }
}
