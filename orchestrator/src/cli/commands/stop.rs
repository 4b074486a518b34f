//! `orch stop [TRIAL…]`: stops trials, or the whole run, and returns when their processes are gone.

use std::time::Duration;

use experiments::protocol::exit;
use serde_json::{Value, json};

use super::submit_request::ask;
use super::{print_json, say};
use crate::cli::args::{self, Global};
use crate::display::trial_status;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::ownership::{self, OwnershipState};
use crate::run_dir::requests::Request;
use crate::store::sync;
use crate::store::{AttemptHistory, TrialRecord};
use experiments::protocol::trial_id::TrialId;

/// How often it is looked whether a holder that has recorded its end is gone.
const POLL: Duration = Duration::from_millis(10);

/// Runs the verb.
pub async fn run(arguments: &args::Stop, global: &Global) -> anyhow::Result<u8> {
    let named = arguments.named()?;
    let dir = RunDir::find(&global.runs, named.run)?;
    let trials = sync::for_reading(&dir).await?.trials().await?;
    let (settled, meant) = match &named.trials {
        None => (Vec::new(), trials.into_iter().filter(runs).collect()),
        Some(trial) => {
            let chosen = trial.choose_all(trial_status::all(trials, &dir)?, &dir.name())?;
            chosen.into_iter().map(|shown| shown.trial).partition(|row| row.state.is_settled())
        }
    };
    let mode = if arguments.now { StopMode::Immediate } else { StopMode::Graceful };
    let request = match named.trials {
        None => Request::StopAll { mode },
        Some(_) => Request::Stop { trials: ids(&meant), mode },
    };
    let asks = !meant.is_empty() || (arguments.all && dir.is_supervised());
    if asks {
        ask(&dir, &request, &ids(&meant), arguments.all).await?;
    }
    let stopped = stopped(&dir, &meant).await?;
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "stopped": stopped.iter().map(Stopped::to_json).collect::<Vec<_>>(),
            "already": settled.iter().map(already).collect::<Vec<_>>(),
        }))?;
    } else if !global.quiet {
        for row in &settled {
            say(&format!("{} is {} already", row.id, row.state.name()));
        }
        if !asks {
            say("nothing is to be stopped");
        }
        for stopped in &stopped {
            say(&stopped.to_text());
        }
    }
    Ok(exit::OK)
}

fn runs(row: &TrialRecord) -> bool {
    row.state.active_attempt().is_some()
}

fn ids(rows: &[TrialRecord]) -> Vec<TrialId> {
    rows.iter().map(|row| row.id.clone()).collect()
}

fn already(row: &TrialRecord) -> Value {
    json!({"id": row.id, "state": row.state.name()})
}

/// What became of a trial, and how far it had come.
struct Stopped {
    row: TrialRecord,
    /// Whether it has had an attempt.
    tried: bool,
    /// The step that its last attempt came to.
    step: Option<u64>,
    /// The step of its last checkpoint.
    saved: Option<u64>,
}

/// What became of `meant`, whose processes are gone when this returns.
async fn stopped(dir: &RunDir, meant: &[TrialRecord]) -> anyhow::Result<Vec<Stopped>> {
    let mut store = sync::for_reading(dir).await?;
    let (mut rows, mut pasts) = (store.trials().await?, store.pasts().await?);
    rows.retain(|row| meant.iter().any(|before| before.id == row.id));
    let mut stopped = Vec::new();
    for row in rows {
        let past = pasts.remove(&row.id).unwrap_or_default();
        wait_for_holder(dir, &row.id, &past).await?;
        stopped.push(Stopped {
            tried: !past.attempts.is_empty(),
            // A worker that saves as it ends may have gone further than it said.
            step: past.attempts.last().and_then(|attempt| attempt.step.max(attempt.checkpoint)),
            saved: past.attempts.iter().filter_map(|attempt| attempt.checkpoint).max(),
            row,
        });
    }
    Ok(stopped)
}

/// A holder records the end of its worker a moment before its own.
async fn wait_for_holder(
    dir: &RunDir,
    trial: &TrialId,
    past: &AttemptHistory,
) -> anyhow::Result<()> {
    let Some(last) = past.attempts.last() else { return Ok(()) };
    let attempt = dir.attempt(trial, last.number);
    while matches!(ownership::probe(&attempt)?, OwnershipState::Held(_)) && attempt.exit().exists()
    {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

impl Stopped {
    fn to_text(&self) -> String {
        let (id, state) = (&self.row.id, self.row.state.name());
        let saved = self.saved.map_or("it has no checkpoint".to_owned(), |step| {
            format!("its last checkpoint is of step {step}")
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
