//! Trials, results and artifacts, as plain values.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::protocol::failure::Failure;
use experiments::protocol::trial_id::TrialId;
use rusqlite::Row;

use super::{Origins, Store, StoreError, decode};
use crate::scheduler::{State, StopRequest};

/// A trial as the database has it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// The trial's id.
    pub id: TrialId,
    /// Hash of config, seed and command.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// The seed of its random numbers.
    pub seed: u64,
    /// Its place in the order in which the run's trials were first planned.
    pub first_planned: i64,
    /// True if the experiment file no longer names it.
    pub retired: bool,
    /// Its state in the journal.
    pub state: State,
    /// The worker's build at the newest `orch run`; `None` if the worker does not report one.
    pub build: Option<String>,
    /// The data's fingerprint at the newest `orch run`; `None` if the worker does not report one.
    pub data: Option<String>,
    /// The builds and data that its work was made with.
    pub origins: Origins,
    /// The number of the first attempt that counts: not 1 once the trial was begun again.
    pub first_attempt: u32,
    /// Its newest attempt; `None` before the first.
    pub last_attempt: Option<AttemptRecord>,
}

impl TrialRecord {
    /// The number of its active attempt, or else of its next one, from 1.
    pub(crate) fn active_or_next_attempt(&self) -> u32 {
        let last = self.last_attempt.as_ref().map_or(0, |attempt| attempt.number);
        self.state.active_attempt().unwrap_or(last + 1)
    }

    /// Its newest attempt, if that counts; `None` until the first one since the trial was begun (again).
    pub(crate) fn counting_attempt(&self) -> Option<&AttemptRecord> {
        self.last_attempt.as_ref().filter(|attempt| attempt.number >= self.first_attempt)
    }
}

/// An attempt as its events describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub number: u32,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// The device that it computes on; `None` if its worker does not report one.
    pub device: Option<String>,
    /// Phase, units done and units in all of its newest progress event.
    pub progress: Option<(String, u64, u64)>,
    /// The failure that its worker reported; `None` if it did not.
    pub failure: Option<Failure>,
    /// Its last sign of life, in milliseconds since the Unix epoch; `None` unless it has stalled.
    pub stalled_since_ms: Option<i64>,
    /// Lines of its events file that were skipped.
    pub skipped_lines: u64,
}

/// A file that a worker has reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArtifactRecord {
    /// The kind of file, in the worker's words.
    pub(crate) kind: String,
    /// The name of its content.
    pub(crate) name: String,
    /// The item of a set that it belongs to; `None` if there is no set.
    pub(crate) item: Option<String>,
    /// The training step.
    pub(crate) step: u64,
    /// Path, relative to the trial's folder.
    pub(crate) path: String,
}

impl Store {
    /// Every trial, in the experiment file's order, retired ones last.
    pub(crate) async fn trials(&mut self) -> Result<Vec<TrialRecord>, StoreError> {
        let mut trials = self.trials_without_origins().await?;
        let mut origins = self.origins().await?;
        for trial in &mut trials {
            trial.origins = origins.remove(&trial.id).unwrap_or_default();
        }
        Ok(trials)
    }

    /// The same without the origins of their work, which take as long again.
    pub(crate) async fn trials_without_origins(&mut self) -> Result<Vec<TrialRecord>, StoreError> {
        let select = "
            select trial.name, trial.key, trial.variant, trial.seed, trial.position,
                trial.state_json, trial.build, trial.data, trial.first_attempt,
                last.number, last.started_ms, last.device, last.skipped_lines,
                last.phase, last.phase_step, last.phase_total,
                last.failure_class, last.failure_message, last.stalled_since_ms,
                trial.trial_id
            from trial
            left join attempt as last on last.trial_id = trial.trial_id and last.number =
                (select max(number) from attempt where attempt.trial_id = trial.trial_id)
            order by trial.trial_id";
        let path = self.path.clone();
        let read = |row: &Row| Ok((row.get::<_, Option<i64>>(4)?, trial_row(row, &path)?));
        let mut rows = self.direct().await?.rows(select, read).map_err(Self::sql_error(&path))?;
        // They mostly are in this order already, which costs nothing here, and SQLite a third of the query.
        rows.sort_by_key(|(position, _)| (position.is_none(), *position));
        rows.into_iter().map(|(_, trial)| trial).collect()
    }

    /// The request by which the last supervisor stopped before all trials had ended; `None` otherwise.
    pub(crate) async fn stopping(&mut self) -> Result<Option<StopRequest>, StoreError> {
        let request: Option<String> = sqlx::query_scalar("select stop_request from journal")
            .fetch_one(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        let what = || "the request that stopped the run".to_owned();
        request.map(|json| self.decode(&json, what)).transpose()
    }

    /// The failure that an attempt's worker reported; `None` if it did not.
    pub(crate) async fn failure(
        &mut self,
        trial: &TrialId,
        attempt: u32,
    ) -> Result<Option<Failure>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "select failure_class, failure_message from attempt join trial using (trial_id)
             where name = ? and number = ? and failure_class is not null",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        Ok(row.map(|(class, message)| Failure { class: class.into(), message }))
    }

    /// Final values by trial and metric, possibly NaN.
    pub async fn results(
        &mut self,
    ) -> Result<BTreeMap<TrialId, BTreeMap<String, f64>>, StoreError> {
        let rows: Vec<(String, String, Option<f64>)> =
            self.fetch_all(sqlx::query_as("select trial, metric, value from final")).await?;
        let mut results = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (trial, metric, value) in rows {
            results.entry(TrialId(trial)).or_default().insert(metric, value.unwrap_or(f64::NAN));
        }
        Ok(results)
    }

    /// One metric's values of single items by trial and item, of the last step that has any.
    pub(crate) async fn final_items(
        &mut self,
        metric: &str,
    ) -> Result<BTreeMap<TrialId, BTreeMap<String, f64>>, StoreError> {
        let rows: Vec<(String, String, Option<f64>)> = self
            .fetch_all(
                sqlx::query_as(
                    "select trial, item, value from series
             where metric = ?1 and item <> '' and (trial, step) in
                (select trial, max(step) from series
                 where metric = ?1 and item <> '' group by trial)",
                )
                .bind(metric),
            )
            .await?;
        let mut items = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (trial, item, value) in rows {
            items.entry(TrialId(trial)).or_default().insert(item, value.unwrap_or(f64::NAN));
        }
        Ok(items)
    }

    /// The artifacts of a trial that are in effect, later attempts' last.
    pub(crate) async fn artifacts(
        &mut self,
        trial: &TrialId,
    ) -> Result<Vec<ArtifactRecord>, StoreError> {
        let rows: Vec<(String, String, String, i64, String)> = self
            .fetch_all(
                sqlx::query_as(
                    "select kind, artifact.name, item, step, path
             from artifact
             join effective_attempt as status using (attempt_id)
             join trial using (trial_id)
             where trial.name = ? and (effective_until is null or step <= effective_until)
             order by number, artifact.name, item, step",
                )
                .bind(&trial.0),
            )
            .await?;
        Ok(rows
            .into_iter()
            .map(|(kind, name, item, step, path)| ArtifactRecord {
                kind,
                name,
                item: Some(item).filter(|item| !item.is_empty()),
                step: step as u64,
                path,
            })
            .collect())
    }
}

/// The record in a row of the database at `path`.
fn trial_row(row: &Row, path: &Path) -> rusqlite::Result<Result<TrialRecord, StoreError>> {
    let id = TrialId(row.get(0)?);
    let state: String = row.get(5)?;
    let state = match decode(path, &state, || format!("the state of `{id}`")) {
        Ok(state) => state,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(TrialRecord {
        id,
        key: row.get(1)?,
        variant: row.get(2)?,
        seed: row.get::<_, i64>(3)? as u64,
        first_planned: row.get(19)?,
        retired: row.get::<_, Option<i64>>(4)?.is_none(),
        state,
        build: row.get(6)?,
        data: row.get(7)?,
        first_attempt: row.get(8)?,
        origins: Origins::default(),
        last_attempt: last_attempt(row)?,
    }))
}

/// The newest attempt in such a row.
fn last_attempt(row: &Row) -> rusqlite::Result<Option<AttemptRecord>> {
    let Some(number) = row.get(9)? else { return Ok(None) };
    let step = |column| row.get::<_, i64>(column).map(|step| step as u64);
    let progress = match row.get(13)? {
        Some(phase) => Some((phase, step(14)?, step(15)?)),
        None => None,
    };
    let failure = match row.get::<_, Option<String>>(16)? {
        Some(class) => Some(Failure { class: class.into(), message: row.get(17)? }),
        None => None,
    };
    Ok(Some(AttemptRecord {
        number,
        started_ms: row.get(10)?,
        device: row.get(11)?,
        progress,
        failure,
        stalled_since_ms: row.get(18)?,
        skipped_lines: step(12)?,
    }))
}
