//! `orch retry (--failed|TRIAL…)`: puts trials back in the queue and resets their attempts.

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use serde_json::json;

use super::damage::open_records;
use super::error::Result;
use super::output::{print_json, print_message};
use super::submit_request::{HandledBy, handle_left_over, submit_request};
use crate::cli::args::{self, Global};
use crate::cli::selector::Selector;
use crate::display::trial_status::{self, TrialStatus};
use crate::run_dir::RunDir;
use crate::run_dir::requests::Request;
use crate::scheduler::State;

/// None of the selected trials can be retried.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RetryError {
    /// The trial has its results.
    #[error(
        "`{id}` has succeeded, so there is nothing to retry\n\n\
         hint: change its config or its seed in the file to run another"
    )]
    Succeeded {
        /// The trial.
        id: String,
    },
    /// The trial is queued, or its attempt is running.
    #[error(
        "`{id}` is {state}, so there is nothing to retry yet\n\nhint: `orch stop {id}` stops it"
    )]
    NotOver {
        /// The trial.
        id: String,
        /// Its recorded state.
        state: &'static str,
    },
    /// Its processes are gone, and no supervisor has recorded that yet.
    #[error(
        "`{id}` is {state}, and no supervisor has recorded that yet\n\nhint: run the file again to resume it"
    )]
    NotRecorded {
        /// The trial.
        id: String,
        /// `lost` or `ended`.
        state: &'static str,
    },
    /// The file no longer asks for the trial.
    #[error("the file no longer names `{id}`\n\nhint: add it to the file again to run it")]
    Retired {
        /// The trial.
        id: String,
    },
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Retry, global: &Global) -> Result<u8> {
    let selection = arguments.selection()?;
    let dir = RunDir::find(&global.runs, selection.run)?;
    let handled = retry(&dir, selection.trials.as_ref()).await?;
    if arguments.json {
        let skipped = handled.others.iter();
        let skipped = skipped.map(|status| json!({"id": status.trial.id, "state": status.state()}));
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "queued": handled.queued,
            "skipped": skipped.collect::<Vec<_>>(),
            "supervised": handled.by == Some(HandledBy::Supervisor),
        }))?;
    } else if !global.quiet {
        handled.lines().iter().for_each(|line| print_message(line));
    }
    Ok(exit::OK)
}

/// A request to retry that was handled.
pub(super) struct Handled {
    queued: Vec<TrialId>,
    /// Selected trials that cannot be retried.
    others: Vec<TrialStatus>,
    /// `None` if there was nothing to do.
    by: Option<HandledBy>,
}

/// Queues the selected trials of the run `dir` again, or all that failed where none are.
pub(super) async fn retry(dir: &RunDir, selector: Option<&Selector>) -> Result<Handled> {
    handle_left_over(dir).await?;
    let trials = trial_status::all(open_records(dir).await?.trials().await?, dir)?;
    let selected = match selector {
        None => trials.into_iter().filter(|status| status.state() == "failed").collect(),
        Some(trial) => trial.choose_all(trials, &dir.name())?,
    };
    let (retried, others): (Vec<_>, Vec<_>) = selected
        .into_iter()
        .partition(|TrialStatus { trial, .. }| trial.state.may_be_retried() && !trial.retired);
    let queued: Vec<_> = retried.into_iter().map(|status| status.trial.id).collect();
    if queued.is_empty()
        && let Some(status) = others.first()
    {
        return Err(refusal(status).into());
    }
    let mut by = None;
    if !queued.is_empty() {
        let request = Request::Retry { trials: queued.clone() };
        by = Some(submit_request(dir, &request, &[], false).await?);
    }
    Ok(Handled { queued, others, by })
}

impl Handled {
    /// The outcome for each trial, a line each, and what follows.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> =
            self.queued.iter().map(|id| format!("{id}: queued again")).collect();
        let then = match self.by {
            None => "nothing to retry",
            Some(HandledBy::Supervisor) => "the running supervisor starts them in turn",
            Some(HandledBy::Ourselves) => "run the file again to start them",
        };
        lines.push(then.to_owned());
        lines
    }
}

fn refusal(status: &TrialStatus) -> RetryError {
    let id = status.trial.id.0.clone();
    match &status.trial.state {
        _ if status.trial.retired => RetryError::Retired { id },
        State::Succeeded { .. } => RetryError::Succeeded { id },
        _ if ["lost", "ended"].contains(&status.state()) => {
            RetryError::NotRecorded { id, state: status.state() }
        }
        other => RetryError::NotOver { id, state: other.name() },
    }
}
