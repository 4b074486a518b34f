//! `orch ls`: every run, with its state.

use std::time::{Duration, SystemTime};

use experiments::protocol::exit;
use serde_json::json;

use super::damage::open_records;
use super::error::Result;
use super::output::{print, print_json, print_message};
use crate::cli::args::{self, Global};
use crate::display::text::{columns, duration};
use crate::display::trial_status::{self, TrialStatus};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::scheduler::State;

/// A run as it is listed.
struct Listed {
    name: String,
    /// A word, or the reason for which the records cannot be read.
    state: String,
    /// Trials that have succeeded, and all; `None` if the records cannot be read.
    done: Option<(usize, usize)>,
    /// The time of its last decision.
    changed: Option<SystemTime>,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Ls, global: &Global) -> Result<u8> {
    let mut runs = Vec::new();
    for dir in RunDir::all(&global.runs) {
        let changed = dir.journal().metadata().and_then(|journal| journal.modified()).ok();
        let (state, done) = match state(&dir).await {
            Ok((state, done)) => (state.to_owned(), Some(done)),
            Err(error) => (format!("unreadable: {}", error.chain()), None),
        };
        runs.push(Listed { name: dir.name(), state, done, changed });
    }
    // The last one first.
    runs.sort_by_key(|run| std::cmp::Reverse(run.changed));
    if arguments.json {
        let runs: Vec<_> = runs.iter().map(Listed::to_json).collect();
        print_json(&json!({"schema": 1, "folder": global.runs, "runs": runs}))?;
    } else if runs.is_empty() {
        if let Err(nothing) = RunDir::find(&global.runs, None) {
            print_message(&nothing.to_string());
        }
    } else {
        let head = ["run", "state", "done", "last change"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(runs.iter().map(Listed::row)).collect();
        print(&(columns(&rows).join("\n") + "\n"))?;
    }
    Ok(exit::OK)
}

/// The run's state in a word, and how many of how many trials have succeeded.
async fn state(dir: &RunDir) -> Result<(&'static str, (usize, usize))> {
    // First: once there is no supervisor, nothing is recorded any more.
    let is_supervised = dir.is_supervised();
    let mut store = open_records(dir).await?;
    let mut trials = store.trials_without_origins().await?;
    trials.retain(|trial| !trial.retired);
    let statuses = trial_status::all(trials, dir)?;
    let any = |is_so: fn(&TrialStatus) -> bool| statuses.iter().any(is_so);
    let succeeded =
        statuses.iter().filter(|status| matches!(status.trial.state, State::Succeeded { .. }));
    let done = succeeded.count();
    let state = match () {
        () if !store.damage.is_empty() => "damaged",
        () if is_supervised => "running",
        () if done == statuses.len() => "done",
        () if any(|status| matches!(status.state(), "starting" | "running")) => "unsupervised",
        () if any(|status| status.state() == "failed") => "failed",
        () => "stopped",
    };
    Ok((state, (done, statuses.len())))
}

impl Listed {
    fn row(&self) -> [String; 4] {
        let ago = self.changed.and_then(|time| time.elapsed().ok()).map(|ago| match ago {
            ago if ago < Duration::from_secs(1) => "now".to_owned(),
            ago => format!("{} ago", duration(ago)),
        });
        let done = self.done.map(|(done, all)| format!("{done}/{all}"));
        [self.name.clone(), self.state.clone(), done.unwrap_or_default(), ago.unwrap_or_default()]
    }

    fn to_json(&self) -> serde_json::Value {
        let since_epoch =
            self.changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        json!({
            "run": self.name,
            "state": self.state,
            "succeeded": self.done.map(|(done, _)| done),
            "trials": self.done.map(|(_, all)| all),
            "changed": since_epoch.map(|time| clock::to_rfc3339(time.as_millis() as i64)),
        })
    }
}
