//! The causes of trials' states, and trials grouped by them: a hundred trials that fail by one missing
//! package are one failure to a person.

use std::cmp::Reverse;

use experiments::protocol::trial_id::TrialId;

use crate::cli::args::Global;
use crate::cli::selector::Selector;
use crate::display::trial_status::{self, TrialStatus};
use crate::run_dir::log_tail;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, Supervisor};
use crate::scheduler::{State, StopRequest};
use crate::store::{Store, TrialRecord};

use super::damage::open_records;
use super::error::Result;

/// Things with the same cause, in their order; never empty.
#[derive(Debug, Clone)]
pub(super) struct SameCause<T> {
    pub(super) cause: String,
    pub(super) of: Vec<T>,
}

/// Groups by cause, the largest group first.
pub(super) fn group<T>(with_cause: impl Iterator<Item = (String, T)>) -> Vec<SameCause<T>> {
    let mut groups: Vec<SameCause<T>> = Vec::new();
    for (cause, thing) in with_cause {
        match groups.iter_mut().find(|group| group.cause == cause) {
            Some(group) => group.of.push(thing),
            None => groups.push(SameCause { cause, of: vec![thing] }),
        }
    }
    groups.sort_by_key(|group| Reverse(group.of.len()));
    groups
}

/// The reason for a recorded state, in a line; of a worker that failed without saying why, with the last
/// line that it printed.
pub(super) fn cause(dir: &RunDir, trial: &TrialRecord) -> String {
    let reason = trial.state.reason().lines().next().unwrap_or_default().to_owned();
    let Some(attempt) = trial.counting_attempt().filter(|attempt| attempt.failure.is_none()) else {
        return reason;
    };
    match log_tail::last_line(&dir.attempt(&trial.id, attempt.number)) {
        line if line.is_empty() => reason,
        line => format!("{reason}: {line}"),
    }
}

/// The cause for which the last `orch run` ended, where its first trials failed the same way; `None`
/// otherwise, and while a supervisor is running.
pub(super) async fn same_failure(
    store: &mut Store,
    dir: &RunDir,
    supervisor: Option<&Supervisor>,
) -> Result<Option<String>> {
    if supervisor.is_some() || store.stopping().await? != Some(StopRequest::SameFailure) {
        return Ok(None);
    }
    let trials = store.trials().await?;
    let most = failures(dir, trials.iter().filter(|trial| !trial.retired), true).into_iter().next();
    Ok(most.map(|same| same.cause))
}

/// The failed ones of `trials`, by cause; with `queued`, those that wait after an attempt as well.
pub(super) fn failures<'a>(
    dir: &RunDir,
    trials: impl Iterator<Item = &'a TrialRecord>,
    queued: bool,
) -> Vec<SameCause<TrialId>> {
    let failed = trials.filter(|trial| match trial.state {
        State::Failed { .. } => true,
        State::Queued { .. } => queued && trial.counting_attempt().is_some(),
        _ => false,
    });
    group(failed.map(|trial| (cause(dir, trial), trial.id.clone())))
}

/// The trials that match, or without a selector all that the file asks for and that have not succeeded, by state and
/// cause; with their run and its records.
pub(super) async fn selected(
    selector: Option<&Selector>,
    run: Option<&str>,
    global: &Global,
) -> Result<(RunDir, Store, Vec<SameCause<TrialStatus>>)> {
    let dir = RunDir::find(&global.runs, run)?;
    let supervised = dir.is_supervised();
    let mut store = open_records(&dir).await?;
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let mut trials = trial_status::all(store.trials().await?, &dir)?;
    match selector {
        Some(selector) => trials = selector.choose_all(trials, &dir.name())?,
        None => trials.retain(|TrialStatus { trial, .. }| {
            !trial.retired && !matches!(trial.state, State::Succeeded { .. })
        }),
    }
    let with_cause = trials.into_iter().map(|status| {
        let cause = match &status.trial.state {
            State::Failed { .. } => cause(&dir, &status.trial),
            _ => resolved.reason(&status, supervised),
        };
        (status.state_with(&cause), status)
    });
    let groups = group(with_cause);
    Ok((dir, store, groups))
}
