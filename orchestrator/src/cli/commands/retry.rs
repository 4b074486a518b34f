//! `orch retry (--failed|TRIAL…)`: puts trials back in the queue, with a fresh budget of attempts.

use experiments::protocol::exit;
use serde_json::json;

use super::submit_request::{DoneBy, ask};
use super::{print_json, say};
use crate::cli::args::{self, Global};
use crate::display::trial_status::{self, TrialStatus};
use crate::run_dir::RunDir;
use crate::run_dir::requests::Request;
use crate::scheduler::State;
use crate::store::sync;

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
    /// Its processes are gone, which no supervisor has seen yet.
    #[error("`{id}` is {state}, which nobody has taken in yet; run the file again, and it goes on")]
    NotSeen {
        /// The trial.
        id: String,
        /// How it stands.
        state: &'static str,
    },
    /// The file does not want it.
    #[error("the file no longer names `{0}`; it runs again if the file does")]
    Retired(String),
}

/// Runs the verb.
pub async fn run(arguments: &args::Retry, global: &Global) -> anyhow::Result<u8> {
    let named = arguments.named()?;
    let dir = RunDir::find(&global.runs, named.run)?;
    let trials = trial_status::all(sync::for_reading(&dir).await?.trials().await?, &dir)?;
    let meant = match named.trials {
        None => trials.into_iter().filter(|shown| shown.state() == "failed").collect(),
        Some(trial) => trial.choose_all(trials, &dir.name())?,
    };
    let (wanted, others): (Vec<_>, Vec<_>) = meant
        .into_iter()
        .partition(|TrialStatus { trial, .. }| trial.state.may_be_retried() && !trial.retired);
    let ids: Vec<_> = wanted.into_iter().map(|shown| shown.trial.id).collect();
    if ids.is_empty()
        && let Some(shown) = others.first()
    {
        return Err(refusal(shown).into());
    }
    let mut done_by = None;
    if !ids.is_empty() {
        let request = Request::Retry { trials: ids.clone() };
        done_by = Some(ask(&dir, &request, &[], false).await?);
    }
    if arguments.json {
        let skipped =
            others.iter().map(|shown| json!({"id": shown.trial.id, "state": shown.state()}));
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "queued": ids,
            "skipped": skipped.collect::<Vec<_>>(),
            "supervised": done_by == Some(DoneBy::Supervisor),
        }))?;
    } else if !global.quiet {
        for id in &ids {
            say(&format!("{id}: queued again"));
        }
        say(match done_by {
            None => "no trial has failed",
            Some(DoneBy::Supervisor) => "`orch run` is at work and starts them in their turn",
            Some(DoneBy::Ourselves) => "run the file again to start them",
        });
    }
    Ok(exit::OK)
}

fn refusal(shown: &TrialStatus) -> RetryError {
    let id = shown.trial.id.0.clone();
    match &shown.trial.state {
        _ if shown.trial.retired => RetryError::Retired(id),
        State::Succeeded { .. } => RetryError::Succeeded(id),
        _ if ["lost", "ended"].contains(&shown.state()) => {
            RetryError::NotSeen { id, state: shown.state() }
        }
        other => RetryError::NotOver { id, state: other.name() },
    }
}
