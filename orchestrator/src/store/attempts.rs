//! A trial's attempts, one by one, as their events describe them.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;

use super::{Store, StoreError};

/// An attempt with its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptDetail {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// When it was started, in milliseconds since the Unix epoch.
    pub(crate) started_ms: i64,
    /// The worker's build; `None` if it does not report one.
    pub(crate) build: Option<String>,
    /// The device that it computed on; `None` if its worker does not report one.
    pub(crate) device: Option<String>,
    /// Step of the checkpoint that it resumed from; `None` if it started from scratch.
    pub(crate) resumed_from: Option<u64>,
    /// Its checkpoints by step.
    pub(crate) checkpoints: BTreeMap<u64, Checkpoint>,
}

/// A checkpoint as its worker reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Path, relative to the trial's folder.
    pub(crate) path: String,
    /// True once its files have been removed.
    pub(crate) removed: bool,
}

impl AttemptDetail {
    /// The checkpoints that have not been removed, by ascending step.
    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = (u64, &str)> {
        let kept = self.checkpoints.iter().filter(|(_, checkpoint)| !checkpoint.removed);
        kept.map(|(step, checkpoint)| (*step, checkpoint.path.as_str()))
    }
}

impl Store {
    /// A trial's attempts, the first one first.
    pub(crate) async fn attempts_of(
        &mut self,
        trial: &TrialId,
    ) -> Result<Vec<AttemptDetail>, StoreError> {
        type Row = (i64, u32, i64, Option<String>, Option<String>, Option<i64>);
        let rows: Vec<Row> = self
            .fetch_all(
                sqlx::query_as(
                    "select attempt_id, number, started_ms, attempt.build, device, resumed_from
             from attempt join trial using (trial_id) where name = ? order by number",
                )
                .bind(&trial.0),
            )
            .await?;
        let mut attempts = Vec::new();
        for (id, number, started_ms, build, device, resumed_from) in rows {
            let checkpoints = self.checkpoints(id).await?;
            // Negative if the attempt started from scratch.
            let resumed_from = resumed_from.and_then(|step| u64::try_from(step).ok());
            let detail =
                AttemptDetail { number, started_ms, build, device, resumed_from, checkpoints };
            attempts.push(detail);
        }
        Ok(attempts)
    }

    async fn checkpoints(
        &mut self,
        attempt_id: i64,
    ) -> Result<BTreeMap<u64, Checkpoint>, StoreError> {
        let rows: Vec<(i64, String, bool)> = self
            .fetch_all(
                sqlx::query_as(
                    "select step, path, removed_ms is not null
             from checkpoint left join removed_checkpoint using (attempt_id, step)
             where attempt_id = ?",
                )
                .bind(attempt_id),
            )
            .await?;
        Ok(rows
            .into_iter()
            .map(|(step, path, removed)| (step as u64, Checkpoint { path, removed }))
            .collect())
    }
}
