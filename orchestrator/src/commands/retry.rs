//! `orch retry (--failed|TRIAL…)`: puts trials back in the queue, with a fresh budget of attempts.

use experiments::exit;

use super::ask::{DoneBy, ask};
use super::say;
use crate::catch_up;
use crate::cli::{self, Global};
use crate::core::State;
use crate::requests::Request;
use crate::run_dir::RunDir;
use crate::selector;
use crate::store::TrialRow;

/// None of the trials that were named can be tried again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// It is done.
    #[error(
        "`{0}` has succeeded, so there is nothing to retry; change its config or its seed in the \
         file to run another"
    )]
    Succeeded(String),
    /// It has not ended.
    #[error("`{id}` is {state}, so there is nothing to retry yet; `orch stop {id}` stops it")]
    NotOver {
        /// The trial.
        id: String,
        /// Its state.
        state: &'static str,
    },
    /// The file does not want it.
    #[error("the file no longer names `{0}`; it runs again if the file does")]
    Retired(String),
}

/// Runs the verb.
pub async fn run(arguments: &cli::Retry, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let trials = catch_up::for_reading(&dir).await?.trials().await?;
    let named = if arguments.failed {
        let failed = |row: &TrialRow| matches!(row.state, State::Failed { .. }) && !row.retired;
        trials.into_iter().filter(failed).collect()
    } else {
        selector::choose_all(&arguments.trials, &trials, &dir.name())?
    };
    let (wanted, others): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|row| row.state.may_be_retried() && !row.retired);
    let ids: Vec<_> = wanted.into_iter().map(|row| row.id).collect();
    if ids.is_empty() {
        if let Some(row) = others.first() {
            return Err(refusal(row).into());
        }
        say("no trial has failed");
        return Ok(exit::OK);
    }
    let request = Request::Retry { trials: ids.clone() };
    let done_by = ask(&dir, &request, &[], false).await?;
    if !global.quiet {
        for id in &ids {
            say(&format!("{id}: queued again"));
        }
        say(match done_by {
            DoneBy::Supervisor => "`orch run` is at work and starts them in their turn",
            DoneBy::Ourselves => "run the file again to start them",
        });
    }
    Ok(exit::OK)
}

fn refusal(row: &TrialRow) -> RetryError {
    let id = row.id.0.clone();
    match &row.state {
        _ if row.retired => RetryError::Retired(id),
        State::Succeeded { .. } => RetryError::Succeeded(id),
        other => RetryError::NotOver { id, state: other.name() },
    }
}
