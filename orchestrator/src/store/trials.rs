//! What the database holds, as plain values.

use experiments::protocol::failure::Failure;
use std::collections::BTreeMap;

use sqlx::Row;

use super::{Origins, Store, StoreError};
use crate::scheduler::{State, StopRequest};
use experiments::protocol::trial_id::TrialId;

/// A trial as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// Its id.
    pub id: TrialId,
    /// Hash of config, seed and command.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// Whether the file no longer names it.
    pub retired: bool,
    /// Its state.
    pub state: State,
    /// The worker's build at the last `orch run`, where it says.
    pub build: Option<String>,
    /// The data's fingerprint at the last `orch run`, where the worker says.
    pub data: Option<String>,
    /// What the work that it has was made with.
    pub origins: Origins,
    /// Its newest attempt, if it had one.
    pub last_attempt: Option<AttemptRecord>,
}

/// An attempt as its events tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub number: u32,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// What it computes on.
    pub device: Option<String>,
    /// Phase, units done and units in all of its newest progress event.
    pub progress: Option<(String, u64, u64)>,
    /// The failure that the worker reported.
    pub failure: Option<Failure>,
    /// Since when nothing has been heard of it, in milliseconds since the Unix epoch, if that has
    /// been too long.
    pub stalled_since_ms: Option<i64>,
    /// Lines of its events file that were no event.
    pub skipped_lines: u64,
}

/// A file that a worker left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRecord {
    /// Sort of file.
    pub kind: String,
    /// What it shows.
    pub name: String,
    /// Which item of a set; `None` where there is no set.
    pub item: Option<String>,
    /// Training step.
    pub step: u64,
    /// Path, relative to the trial's folder.
    pub path: String,
}

impl Store {
    /// Every trial, in the file's order, retired ones last.
    pub async fn trials(&mut self) -> Result<Vec<TrialRecord>, StoreError> {
        let rows = sqlx::query(
            "select trial.name, trial.key, trial.variant, trial.seed, trial.position,
                trial.state_json, trial.build, trial.data,
                last.number, last.started_ms, last.device, last.skipped_lines,
                last.phase, last.phase_step, last.phase_of,
                last.failed_class, last.failed_message, last.stalled_since_ms
             from trial
             left join attempt as last on last.trial_id = trial.trial_id and last.number =
                (select max(number) from attempt where attempt.trial_id = trial.trial_id)
             order by trial.position is null, trial.position, trial.trial_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut trials: Vec<_> = rows.iter().map(trial_row).collect();
        let mut origins = self.origins().await?;
        for trial in &mut trials {
            trial.origins = origins.remove(&trial.id).unwrap_or_default();
        }
        Ok(trials)
    }

    /// Why the last supervisor stopped before all was done, if it did.
    pub async fn stopping(&mut self) -> Result<Option<StopRequest>, StoreError> {
        let why: Option<String> = sqlx::query_scalar("select stop_request from journal")
            .fetch_one(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        Ok(why.map(|why| serde_json::from_str(&why).expect("written from the same type")))
    }

    /// The failure that an attempt's worker reported, if it did.
    pub async fn failure(
        &mut self,
        trial: &TrialId,
        attempt: u32,
    ) -> Result<Option<Failure>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "select failed_class, failed_message from attempt join trial using (trial_id)
             where name = ? and number = ? and failed_class is not null",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        Ok(row.map(|(class, message)| Failure { class: class.into(), message }))
    }

    /// Every attempt's trial and number.
    pub async fn attempts(&mut self) -> Result<Vec<(TrialId, u32)>, StoreError> {
        let rows: Vec<(String, u32)> = sqlx::query_as(
            "select name, number from attempt join trial using (trial_id) order by attempt_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        Ok(rows.into_iter().map(|(trial, number)| (TrialId(trial), number)).collect())
    }

    /// Final values by trial and metric. NaN where none was recorded as a number.
    pub async fn results(
        &mut self,
    ) -> Result<BTreeMap<TrialId, BTreeMap<String, f64>>, StoreError> {
        let rows: Vec<(String, String, Option<f64>)> =
            sqlx::query_as("select trial, metric, value from final")
                .fetch_all(&mut self.connection)
                .await
                .map_err(Self::sql_error(&self.path))?;
        let mut results = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (trial, metric, value) in rows {
            results.entry(TrialId(trial)).or_default().insert(metric, value.unwrap_or(f64::NAN));
        }
        Ok(results)
    }

    /// One metric's values of single items by trial and item, of the last step that has any.
    pub async fn final_items(
        &mut self,
        metric: &str,
    ) -> Result<BTreeMap<TrialId, BTreeMap<String, f64>>, StoreError> {
        let rows: Vec<(String, String, Option<f64>)> = sqlx::query_as(
            "select trial, item, value from series
             where metric = ?1 and item <> '' and (trial, step) in
                (select trial, max(step) from series
                 where metric = ?1 and item <> '' group by trial)",
        )
        .bind(metric)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut items = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (trial, item, value) in rows {
            items.entry(TrialId(trial)).or_default().insert(item, value.unwrap_or(f64::NAN));
        }
        Ok(items)
    }

    /// The files that a trial's attempts left and that still stand, later attempts' last.
    pub async fn artifacts(&mut self, trial: &TrialId) -> Result<Vec<ArtifactRecord>, StoreError> {
        let rows: Vec<(String, String, String, i64, String)> = sqlx::query_as(
            "select kind, artifact.name, item, step, path
             from artifact
             join effective_attempt as status using (attempt_id)
             join trial using (trial_id)
             where trial.name = ? and (keeps_until is null or step <= keeps_until)
             order by number, artifact.name, item, step",
        )
        .bind(&trial.0)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let artifact = |(kind, name, item, step, path): (_, _, String, i64, _)| ArtifactRecord {
            kind,
            name,
            item: Some(item).filter(|item| !item.is_empty()),
            step: step as u64,
            path,
        };
        Ok(rows.into_iter().map(artifact).collect())
    }
}

fn trial_row(row: &sqlx::sqlite::SqliteRow) -> TrialRecord {
    let state: String = row.get("state_json");
    let last_attempt = row.get::<Option<u32>, _>("number").map(|number| AttemptRecord {
        number,
        started_ms: row.get("started_ms"),
        device: row.get("device"),
        progress: row.get::<Option<String>, _>("phase").map(|phase| {
            (phase, row.get::<i64, _>("phase_step") as u64, row.get::<i64, _>("phase_of") as u64)
        }),
        failure: row
            .get::<Option<String>, _>("failed_class")
            .map(|class| Failure { class: class.into(), message: row.get("failed_message") }),
        stalled_since_ms: row.get("stalled_since_ms"),
        skipped_lines: row.get::<i64, _>("skipped_lines") as u64,
    });
    TrialRecord {
        id: TrialId(row.get("name")),
        key: row.get("key"),
        variant: row.get("variant"),
        seed: row.get::<i64, _>("seed") as u64,
        retired: row.get::<Option<i64>, _>("position").is_none(),
        state: serde_json::from_str(&state).expect("written by `to_json` of the same type"),
        build: row.get("build"),
        data: row.get("data"),
        origins: Origins::default(),
        last_attempt,
    }
}
