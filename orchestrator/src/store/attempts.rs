//! A trial's attempts, one by one, as their events tell them.

use std::collections::BTreeMap;

use super::{Store, StoreError};
use crate::core::TrialId;

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
    /// Its checkpoints: step and path, relative to the trial's folder.
    pub checkpoints: BTreeMap<u64, String>,
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

    async fn checkpoints(&mut self, attempt_id: i64) -> Result<BTreeMap<u64, String>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("select step, path from checkpoint where attempt_id = ?")
                .bind(attempt_id)
                .fetch_all(&mut self.connection)
                .await
                .map_err(Self::sql_error(&self.path))?;
        Ok(rows.into_iter().map(|(step, path)| (step as u64, path)).collect())
    }
}
