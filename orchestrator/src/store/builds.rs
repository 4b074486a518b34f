//! The origins of a trial's work: the worker's builds and the data of every attempt that still counts.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::check::StaleReason;
use experiments::protocol::trial_id::TrialId;

use super::{Store, StoreError};

/// The builds and data behind a trial's work, as far as its worker reports them; several of a kind if
/// it resumed from another build's checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Origins of the worker.
    pub(crate) builds: BTreeSet<String>,
    /// Fingerprints of the data.
    pub(crate) data: BTreeSet<String>,
}

impl Origins {
    /// The change from these to the present build and data; `None` if there is none, or the worker
    /// reports neither.
    pub(crate) fn changed(&self, build: Option<&str>, data: Option<&str>) -> Option<StaleReason> {
        let differ = |then: &BTreeSet<String>, now: Option<&str>| {
            now.is_some_and(|now| then.iter().any(|then| then != now))
        };
        if differ(&self.data, data) {
            Some(StaleReason::Data)
        } else if differ(&self.builds, build) {
            Some(StaleReason::Build)
        } else {
            None
        }
    }
}

/// Trial, build, data, whether it counts, and whether it supersedes all before it; a trial's last
/// attempt first.
type Row = (String, Option<String>, Option<String>, bool, bool);

impl Store {
    /// The origins of every trial's work; trials without any are left out.
    pub(super) async fn origins(&mut self) -> Result<BTreeMap<TrialId, Origins>, StoreError> {
        // An attempt without checkpoint and result does not count, unless it is the one that
        // succeeded. One that started from scratch, or reported its result without a hello,
        // supersedes all attempts before it.
        let rows: Vec<Row> = self.fetch_all(sqlx::query_as(
            "select trial.name, attempt.build, attempt.data,
                has_result or exists
                    (select 1 from checkpoint where checkpoint.attempt_id = attempt.attempt_id)
                    or (state = 'succeeded' and number =
                        (select max(number) from attempt where trial_id = trial.trial_id)),
                coalesce(resumed_from < 0, has_result)
             from (
                select *, exists
                    (select 1 from result where result.attempt_id = attempt.attempt_id) as has_result
                from attempt
             ) as attempt
             join trial using (trial_id)
             order by trial_id, number desc",
        )
).await?;
        let mut builds = BTreeMap::<_, Origins>::new();
        let mut complete = BTreeSet::new();
        for (trial, build, data, counts, from_scratch) in rows {
            let trial = TrialId(trial);
            if complete.contains(&trial) {
                continue;
            }
            if counts {
                let origins = builds.entry(trial.clone()).or_default();
                origins.builds.extend(build);
                origins.data.extend(data);
            }
            if from_scratch {
                complete.insert(trial);
            }
        }
        Ok(builds)
    }
}
