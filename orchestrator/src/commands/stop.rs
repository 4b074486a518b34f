//! `orch stop [TRIAL…]`: stops trials, or the whole run, and returns when their processes are gone.

use std::time::Duration;

use experiments::exit;

use super::ask::ask;
use super::say;
use crate::catch_up;
use crate::claim::{self, ClaimState};
use crate::cli::{self, Global};
use crate::core::{Halt, TrialId};
use crate::requests::Request;
use crate::run_dir::RunDir;
use crate::selector;
use crate::store::{PastRow, TrialRow};

/// How often it is looked whether a holder that has recorded its end is gone.
const POLL: Duration = Duration::from_millis(10);

/// Runs the verb.
pub async fn run(arguments: &cli::Stop, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let mut meant = meant(arguments, &dir).await?;
    let halt = if arguments.now { Halt::AtOnce } else { Halt::WithCheckpoint };
    let request = if arguments.all {
        Request::StopAll { halt }
    } else {
        let (settled, open) = meant.into_iter().partition(|row| row.state.is_settled());
        let settled: Vec<TrialRow> = settled;
        for row in &settled {
            tell(global, &format!("{} is {} already", row.id, row.state.name()));
        }
        meant = open;
        Request::Stop { trials: ids(&meant), halt }
    };
    if meant.is_empty() && !(arguments.all && dir.is_supervised()) {
        tell(global, "nothing is to be stopped");
        return Ok(exit::OK);
    }
    ask(&dir, &request, &ids(&meant), arguments.all).await?;

    let mut store = catch_up::for_reading(&dir).await?;
    let (rows, mut pasts) = (store.trials().await?, store.pasts().await?);
    for row in rows.iter().filter(|row| meant.iter().any(|before| before.id == row.id)) {
        let past = pasts.remove(&row.id).unwrap_or_default();
        wait_for_holder(&dir, &row.id, &past).await?;
        tell(global, &line(row, &past));
    }
    Ok(exit::OK)
}

/// The trials that the command line names; of `--all` those that run.
async fn meant(arguments: &cli::Stop, dir: &RunDir) -> anyhow::Result<Vec<TrialRow>> {
    let trials = catch_up::for_reading(dir).await?.trials().await?;
    if arguments.all {
        let runs = |row: &TrialRow| row.state.attempt_under_way().is_some();
        return Ok(trials.into_iter().filter(runs).collect());
    }
    Ok(selector::choose_all(&arguments.trials, &trials, &dir.name())?)
}

fn ids(rows: &[TrialRow]) -> Vec<TrialId> {
    rows.iter().map(|row| row.id.clone()).collect()
}

fn tell(global: &Global, text: &str) {
    if !global.quiet {
        say(text);
    }
}

/// A holder records the end of its worker a moment before its own.
async fn wait_for_holder(dir: &RunDir, trial: &TrialId, past: &PastRow) -> anyhow::Result<()> {
    let Some(last) = past.attempts.last() else { return Ok(()) };
    let attempt = dir.attempt(trial, last.number);
    while matches!(claim::probe(&attempt)?, ClaimState::Held(_)) && attempt.exit().exists() {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// What became of it and how far it had come.
fn line(row: &TrialRow, past: &PastRow) -> String {
    let state = row.state.name();
    let Some(last) = past.attempts.last() else { return format!("{}: {state}", row.id) };
    let saved = past.attempts.iter().filter_map(|attempt| attempt.checkpoint).max();
    let saved = saved.map_or("it has no checkpoint".to_owned(), |step| {
        format!("its last checkpoint is of step {step}")
    });
    match last.step {
        Some(step) => format!("{}: {state} at step {step}; {saved}", row.id),
        None => format!("{}: {state} before its first step; {saved}", row.id),
    }
}
