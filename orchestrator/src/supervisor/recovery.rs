//! Recovery: every trial as the journal, the events and the attempts' folders record it, for a new
//! supervisor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use experiments::expand::{self, ResolvedTrial};
use experiments::protocol::failure::Failure;

use crate::platform::error_chain::chain;
use crate::run_dir::RunDir;
use crate::run_dir::ownership::{self, AttemptStatus, OwnerKind};
use crate::scheduler::{AttemptEnd, RecoveredTrial, Role, State, Weight};
use crate::store::{AttemptHistory, Store, StoreError, TrialRecord};
use experiments::protocol::trial_id::TrialId;

/// Every trial of the file, in its order, and those retired ones that still run.
pub(super) async fn trials(
    store: &mut Store,
    dir: &RunDir,
    trials: &[Arc<ResolvedTrial>],
    left_out: &BTreeSet<TrialId>,
) -> Result<Vec<RecoveredTrial>, StoreError> {
    let mut pasts = store.pasts().await?;
    let rows = store.trials().await?;
    let weights: BTreeMap<_, _> = trials.iter().map(|trial| (&trial.id, trial.weight)).collect();
    // The durations of finished trials are read only if they can decide which one starts next.
    let is_any_waiting = rows.iter().any(|row| !row.state.is_settled());
    let recover = |row: TrialRecord| {
        let id = row.id.clone();
        let past = pasts.remove(&id).unwrap_or_default();
        let weight = weights.get(&id).copied().unwrap_or_default();
        let is_finished = matches!(row.state, State::Succeeded { .. });
        let status = |number| {
            if is_finished && !is_any_waiting {
                return None;
            }
            let status = ownership::attempt_status(&dir.attempt(&id, number));
            status
                .inspect_err(|e| {
                    tracing::warn!(trial.id = %id, "{}; counted as lost", chain(e));
                })
                .ok()
        };
        recovered(row, past, weight, left_out.contains(&id), status)
    };
    Ok(rows.into_iter().filter_map(recover).collect())
}

/// A trial as it is recorded; `None` if it is retired and has no active attempt. `status` gives the
/// status of an attempt that has ended, by its number; `None` where it cannot be read.
pub fn recovered(
    row: TrialRecord,
    past: AttemptHistory,
    weight: expand::Weight,
    left_out: bool,
    status: impl Fn(u32) -> Option<AttemptStatus>,
) -> Option<RecoveredTrial> {
    let active = row.state.active_attempt();
    let role = match (row.retired, left_out) {
        (true, _) if active.is_none() => return None,
        (true, _) => Role::Retired,
        (false, true) => Role::LeftOut,
        (false, false) => Role::Scheduled,
    };
    let expand::Weight { priority, cost } = weight;
    let weight = Weight { variant: row.variant, priority, cost };
    let AttemptHistory { mut attempts, attempts_reset, mut failures } = past;
    for attempt in attempts.iter_mut().filter(|past| Some(past.number) != active) {
        let failure = failures.remove(&attempt.number);
        attempt.end = Some(attempt_end(status(attempt.number), failure));
    }
    Some(RecoveredTrial { id: row.id, role, weight, state: row.state, attempts, attempts_reset })
}

/// The end of an attempt that is not active and has this status.
fn attempt_end(status: Option<AttemptStatus>, failure: Option<Failure>) -> AttemptEnd {
    match status {
        Some(AttemptStatus::Ended(exit)) => {
            AttemptEnd::Recorded { exit, failure, last_line: String::new() }
        }
        Some(AttemptStatus::Abandoned(claim)) if claim.by == OwnerKind::Executor => {
            AttemptEnd::Rejected(String::new())
        }
        Some(AttemptStatus::Unowned | AttemptStatus::Abandoned(_)) => {
            AttemptEnd::NeverStarted(String::new())
        }
        Some(AttemptStatus::Lost(_) | AttemptStatus::Held(_) | AttemptStatus::Unknown(_))
        | None => AttemptEnd::Lost(String::new()),
    }
}
