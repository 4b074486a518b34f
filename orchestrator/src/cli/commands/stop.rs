//! `orch stop [TRIAL…]`: stops trials, or the whole run, and returns when their processes are gone.

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use serde_json::{Value, json};

use super::damage::open_records;
use super::error::Result;
use super::output::{print_json, print_message};
use super::submit_request::{handle_left_over, submit_request};
use crate::cli::args::{self, Global};
use crate::cli::selector::Selector;
use crate::display::trial_status;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::requests::Request;
use crate::store::TrialRecord;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Stop, global: &Global) -> Result<u8> {
    let selection = arguments.selection()?;
    let dir = RunDir::find(&global.runs, selection.run)?;
    let mode = if arguments.now { StopMode::Immediate } else { StopMode::Graceful };
    let handled = stop(&dir, selection.trials.as_ref(), mode).await?;
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "stopped": handled.stopped.iter().map(Stopped::to_json).collect::<Vec<_>>(),
            "already": handled.settled.iter().map(already).collect::<Vec<_>>(),
        }))?;
    } else if !global.quiet {
        handled.lines().iter().for_each(|line| print_message(line));
    }
    Ok(exit::OK)
}

/// A request to stop that was handled.
pub(super) struct Handled {
    /// Selected trials that were not to be stopped.
    settled: Vec<TrialRecord>,
    stopped: Vec<Stopped>,
    /// False if there was nothing to stop.
    had_work: bool,
}

/// Stops the selected trials of the run `dir`, or all of it where none are, and returns when their
/// processes are gone.
pub(super) async fn stop(
    dir: &RunDir,
    selector: Option<&Selector>,
    mode: StopMode,
) -> Result<Handled> {
    handle_left_over(dir).await?;
    let trials = open_records(dir).await?.trials().await?;
    let (settled, selected) = match selector {
        None => (Vec::new(), trials.into_iter().filter(is_active).collect()),
        Some(trial) => {
            let chosen = trial.choose_all(trial_status::all(trials, dir)?, &dir.name())?;
            chosen.into_iter().map(|status| status.trial).partition(|row| row.state.is_settled())
        }
    };
    let request = match selector {
        None => Request::StopAll { mode },
        Some(_) => Request::Stop { trials: ids(&selected), mode },
    };
    let is_of_run = selector.is_none();
    let had_work = !selected.is_empty() || (is_of_run && dir.is_supervised());
    if had_work {
        submit_request(dir, &request, &ids(&selected), is_of_run).await?;
    }
    Ok(Handled { settled, stopped: stopped(dir, &selected).await?, had_work })
}

impl Handled {
    /// The outcome for each trial, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let settled = self.settled.iter();
        let mut lines: Vec<_> =
            settled.map(|row| format!("{} is already {}", row.id, row.state.name())).collect();
        if !self.had_work {
            lines.push("nothing to stop".to_owned());
        }
        lines.extend(self.stopped.iter().map(Stopped::to_text));
        lines
    }
}

fn is_active(row: &TrialRecord) -> bool {
    row.state.active_attempt().is_some()
}

fn ids(rows: &[TrialRecord]) -> Vec<TrialId> {
    rows.iter().map(|row| row.id.clone()).collect()
}

fn already(row: &TrialRecord) -> Value {
    json!({"id": row.id, "state": row.state.name()})
}

/// A trial after the request, with its progress.
struct Stopped {
    row: TrialRecord,
    /// False if no attempt was ever started.
    tried: bool,
    /// The last step of its last attempt; `None` if it ended before the first.
    step: Option<u64>,
    /// The step of its last checkpoint; `None` if it has none.
    saved: Option<u64>,
}

/// The `selected` trials as they are now. Their processes are gone when this returns.
async fn stopped(dir: &RunDir, selected: &[TrialRecord]) -> Result<Vec<Stopped>> {
    let mut store = open_records(dir).await?;
    let (mut rows, mut pasts) = (store.trials().await?, store.pasts().await?);
    rows.retain(|row| selected.iter().any(|before| before.id == row.id));
    let mut stopped = Vec::new();
    for row in rows {
        let past = pasts.remove(&row.id).unwrap_or_default();
        stopped.push(Stopped {
            tried: !past.attempts.is_empty(),
            // A worker that saves as it ends may have gone further than it reported.
            step: past.attempts.last().and_then(|attempt| attempt.step.max(attempt.checkpoint)),
            saved: past.attempts.iter().filter_map(|attempt| attempt.checkpoint).max(),
            row,
        });
    }
    Ok(stopped)
}

impl Stopped {
    fn to_text(&self) -> String {
        let (id, state) = (&self.row.id, self.row.state.name());
        let saved = self.saved.map_or("it has no checkpoint".to_owned(), |step| {
            format!("its last checkpoint is at step {step}")
        });
        match self.step {
            _ if !self.tried => format!("{id}: {state}"),
            None => format!("{id}: {state} before its first step; {saved}"),
            Some(step) => format!("{id}: {state} at step {step}; {saved}"),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.row.id,
            "state": self.row.state.name(),
            "step": self.step,
            "checkpoint": self.saved,
        })
    }
}
