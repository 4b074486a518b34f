//! What a trial's work was made with: the builds of the worker and the data of every attempt whose
//! work still stands.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::check::StaleReason;

use super::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

/// The builds and data behind what a trial has, where its worker says; several of a sort if it went
/// on from another build's checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Origins of the worker.
    pub builds: BTreeSet<String>,
    /// Fingerprints of the data.
    pub data: BTreeSet<String>,
}

impl Origins {
    /// The change between these and the build and data of now; `None` if there is none, or the worker
    /// reports neither.
    pub fn changed(&self, build: Option<&str>, data: Option<&str>) -> Option<StaleReason> {
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

/// An attempt, seen from the trial's last one backwards.
type Row = (String, Option<String>, Option<String>, bool, bool);

impl Store {
    /// What every trial's work was made with; nothing for one that has none.
    pub(super) async fn origins(&mut self) -> Result<BTreeMap<TrialId, Origins>, StoreError> {
        // Nothing stands of an attempt that left neither checkpoint nor result, unless it is the one
        // that ended well. One that began anew, or said its result without a hello, stands alone.
        let rows: Vec<Row> = sqlx::query_as(
            "select trial.name, attempt.build, attempt.data,
                has_result or exists
                    (select 1 from checkpoint where checkpoint.attempt_id = attempt.attempt_id)
                    or (state = 'succeeded' and number =
                        (select max(number) from attempt where trial_id = trial.trial_id)),
                coalesce(keeps_until < 0, has_result)
             from (
                select *, exists
                    (select 1 from result where result.attempt_id = attempt.attempt_id) as has_result
                from attempt
             ) as attempt
             join trial using (trial_id)
             order by trial_id, number desc",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut builds = BTreeMap::<_, Origins>::new();
        let mut complete = BTreeSet::new();
        for (trial, build, data, stands, anew) in rows {
            let trial = TrialId(trial);
            if complete.contains(&trial) {
                continue;
            }
            if stands {
                let with = builds.entry(trial.clone()).or_default();
                with.builds.extend(build);
                with.data.extend(data);
            }
            if anew {
                complete.insert(trial);
            }
        }
        Ok(builds)
    }
}
