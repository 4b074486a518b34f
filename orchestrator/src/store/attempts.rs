//! A trial's attempts, one by one, as their events tell them.

use std::collections::BTreeMap;

use super::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

/// An attempt and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptDetail {
    /// Its number, from 1.
    pub number: u32,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// The worker's build, where it says.
    pub build: Option<String>,
    /// What it computed on, where it says.
    pub device: Option<String>,
    /// Step of the checkpoint that it went on from; `None` if it began anew.
    pub resumed_from: Option<u64>,
    /// Its checkpoints by step.
    pub checkpoints: BTreeMap<u64, Checkpoint>,
}

/// A checkpoint as its worker said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Path, relative to the trial's folder.
    pub path: String,
    /// Whether somebody had it removed.
    pub removed: bool,
}

impl AttemptDetail {
    /// The checkpoints that nobody had removed, steps rising.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = (u64, &str)> {
        let kept = self.checkpoints.iter().filter(|(_, checkpoint)| !checkpoint.removed);
        kept.map(|(step, checkpoint)| (*step, checkpoint.path.as_str()))
    }
}

impl Store {
    /// A trial's attempts, the first one first.
    pub async fn attempts_of(&mut self, trial: &TrialId) -> Result<Vec<AttemptDetail>, StoreError> {
        type Row = (i64, u32, i64, Option<String>, Option<String>, Option<i64>);
        let rows: Vec<Row> = sqlx::query_as(
            "select attempt_id, number, started_ms, attempt.build, device, keeps_until
             from attempt join trial using (trial_id) where name = ? order by number",
        )
        .bind(&trial.0)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut attempts = Vec::new();
        for (id, number, started_ms, build, device, keeps_until) in rows {
            let checkpoints = self.checkpoints(id).await?;
            // Negative where the attempt said that it began anew.
            let resumed_from = keeps_until.and_then(|step| u64::try_from(step).ok());
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
        let rows: Vec<(i64, String, bool)> = sqlx::query_as(
            "select step, path, removed_ms is not null
             from checkpoint left join removed_checkpoint using (attempt_id, step)
             where attempt_id = ?",
        )
        .bind(attempt_id)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let checkpoint = |(step, path, removed)| (step as u64, Checkpoint { path, removed });
        Ok(rows.into_iter().map(checkpoint).collect())
    }
}
