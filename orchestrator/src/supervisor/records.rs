//! What a new supervisor must know of its run: every trial as journal, events and the attempts'
//! folders tell it.

use std::collections::{BTreeMap, BTreeSet};

use experiments::expand;

use crate::claim::{self, Standing};
use crate::core::{Ending, Member, Past, Role, TrialId, Weight};
use crate::resolved::ResolvedTrial;
use crate::run_dir::RunDir;
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
    let matters = |row: &TrialRow| !row.retired || row.state.attempt_under_way().is_some();
    let member = |row: TrialRow| {
        let role = match (row.retired, left_out.contains(&row.id)) {
            (true, _) => Role::Retired,
            (false, true) => Role::LeftOut,
            (false, false) => Role::Carried,
        };
        let mut past = pasts.remove(&row.id).unwrap_or_default();
        let forgiven = past.forgiven;
        let weight = weights.get(row.id.0.as_str()).copied().unwrap_or_default();
        let expand::Weight { priority, cost } = weight;
        let weight = Weight { variant: row.variant, priority, cost };
        let under_way = row.state.attempt_under_way();
        let mut attempts = std::mem::take(&mut past.attempts);
        for attempt in attempts.iter_mut().filter(|past| Some(past.number) != under_way) {
            attempt.ending = Some(ending(dir, &row.id, attempt, &past));
        }
        Member { id: row.id, role, weight, state: row.state, past: attempts, forgiven }
    };
    Ok(rows.into_iter().filter(matters).map(member).collect())
}

/// How an attempt that is over ended.
fn ending(dir: &RunDir, trial: &TrialId, past: &Past, row: &PastRow) -> Ending {
    let attempt = dir.attempt(trial, past.number);
    match claim::standing(&attempt) {
        Ok(Standing::Ended(exit)) => {
            let said = row.last_words.get(&past.number).cloned();
            Ending::Recorded { exit, said }
        }
        Ok(Standing::Lost(_) | Standing::Held(_) | Standing::Unknown(_)) => Ending::Lost,
        Ok(Standing::Unclaimed | Standing::Abandoned(_)) => Ending::NeverStarted(String::new()),
        Err(error) => {
            tracing::warn!(trial.id = %trial, "{error}; taken for lost");
            Ending::Lost
        }
    }
}
