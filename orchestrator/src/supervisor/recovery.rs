//! What a new supervisor must know of its run: every trial as journal, events and the attempts'
//! folders tell it.

use std::collections::{BTreeMap, BTreeSet};

use experiments::expand;
use experiments::protocol::failure::Failure;

use crate::run_dir::RunDir;
use crate::run_dir::TrialId;
use crate::run_dir::claim::{self, Claimant, Standing};
use crate::run_dir::snapshot::ResolvedTrial;
use crate::scheduler::{Ending, Member, Role, Weight};
use crate::store::{PastRow, Store, StoreError, TrialRow};

/// Every trial of the file, in its order, and those retired ones that still run.
pub(super) async fn members(
    store: &mut Store,
    dir: &RunDir,
    trials: &[ResolvedTrial],
    left_out: &BTreeSet<TrialId>,
) -> Result<Vec<Member>, StoreError> {
    let mut pasts = store.pasts().await?;
    let rows = store.trials().await?;
    let weights: BTreeMap<_, _> =
        trials.iter().map(|trial| (trial.id.as_str(), trial.weight)).collect();
    let told = |row: TrialRow| {
        let id = row.id.clone();
        let past = pasts.remove(&id).unwrap_or_default();
        let weight = weights.get(id.0.as_str()).copied().unwrap_or_default();
        let standing = |number| {
            let standing = claim::standing(&dir.attempt(&id, number));
            standing.inspect_err(|e| tracing::warn!(trial.id = %id, "{e}; taken for lost")).ok()
        };
        member(row, past, weight, left_out.contains(&id), standing)
    };
    Ok(rows.into_iter().filter_map(told).collect())
}

/// A trial as it is recorded; `None` if it is retired and nothing of it runs. How an attempt that
/// is over stands, by its number, is for `standing` to say, if that can be told.
pub fn member(
    row: TrialRow,
    past: PastRow,
    weight: expand::Weight,
    left_out: bool,
    standing: impl Fn(u32) -> Option<Standing>,
) -> Option<Member> {
    let under_way = row.state.attempt_under_way();
    let role = match (row.retired, left_out) {
        (true, _) if under_way.is_none() => return None,
        (true, _) => Role::Retired,
        (false, true) => Role::LeftOut,
        (false, false) => Role::Carried,
    };
    let expand::Weight { priority, cost } = weight;
    let weight = Weight { variant: row.variant, priority, cost };
    let PastRow { mut attempts, forgiven, mut failures } = past;
    for attempt in attempts.iter_mut().filter(|past| Some(past.number) != under_way) {
        let failure = failures.remove(&attempt.number);
        attempt.ending = Some(ending(standing(attempt.number), failure));
    }
    Some(Member { id: row.id, role, weight, state: row.state, past: attempts, forgiven })
}

/// How an attempt ended that is over and stands so.
fn ending(standing: Option<Standing>, failure: Option<Failure>) -> Ending {
    match standing {
        Some(Standing::Ended(exit)) => Ending::Recorded { exit, failure },
        Some(Standing::Abandoned(claim)) if claim.by == Claimant::Executor => {
            Ending::NotTaken(String::new())
        }
        Some(Standing::Unclaimed | Standing::Abandoned(_)) => Ending::NeverStarted(String::new()),
        Some(Standing::Lost(_) | Standing::Held(_) | Standing::Unknown(_)) | None => {
            Ending::Lost(String::new())
        }
    }
}
