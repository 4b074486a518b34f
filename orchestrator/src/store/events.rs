//! From an attempt's `events.jsonl` to points, results, checkpoints and artifacts.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::events::{Event, Line};
use experiments::number::Number;
use sqlx::{Connection, QueryBuilder, SqliteConnection};

use super::{Store, StoreError};
use crate::core::TrialId;
use crate::tail;

/// Events that were taken in.
#[derive(Debug)]
pub struct Read {
    /// The events, in the file's order.
    pub lines: Vec<Line>,
    /// Whether there was something to read, so that there may be more.
    pub more: bool,
}

/// Points written by one statement: SQLite takes 32,766 values at a time.
const ROWS: usize = 5_000;

/// What a batch of lines comes to, so that points need few statements.
#[derive(Default)]
struct Batch {
    /// In the file's order.
    points: Vec<Point>,
    /// The step that the worker came to last.
    last_step: Option<i64>,
    unknown_lines: i64,
}

struct Point {
    metric: String,
    item: String,
    step: i64,
    value: Option<f64>,
    time: Option<f64>,
}

impl Store {
    /// Takes in what is new in the attempt's events file, a few megabytes at a time, and says which
    /// events these were. Call again while there is more.
    pub async fn read_events(
        &mut self,
        trial: &TrialId,
        attempt: u32,
        file: &Path,
    ) -> Result<Read, StoreError> {
        let sql = Self::sql_error(&self.path);
        let (attempt_id, offset): (i64, i64) = sqlx::query_as(
            "select attempt_id, bytes_read from attempt join trial using (trial_id)
             where name = ? and number = ?",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_one(&mut self.connection)
        .await
        .map_err(&sql)?;
        let read = tail::read(file, offset as u64)
            .map_err(|source| StoreError::File { path: file.to_owned(), source })?;
        if read.lines.is_empty() {
            return Ok(Read { lines: Vec::new(), more: false });
        }
        let mut batch = Batch::default();
        let mut lines = Vec::new();
        for text in read.lines.iter().filter(|text| !text.trim().is_empty()) {
            match Line::parse(text) {
                Ok(line) => lines.push(line),
                Err(error) => {
                    tracing::debug!(trial.id = %trial, %error, "passed over a line");
                    batch.unknown_lines += 1;
                }
            }
        }
        let mut transaction = self.connection.begin().await.map_err(&sql)?;
        for line in &lines {
            apply(&mut transaction, attempt_id, line, &mut batch).await.map_err(&sql)?;
        }
        flush(&mut transaction, attempt_id, &batch, read.offset).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(Read { lines, more: true })
    }
}

async fn apply(
    db: &mut SqliteConnection,
    attempt_id: i64,
    line: &Line,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    if let Event::Progress { step, .. } | Event::Metrics { step, .. } = &line.event {
        batch.last_step = Some(integer(*step));
    }
    match &line.event {
        Event::Metrics { step, item, values } => {
            batch.points.extend(values.iter().map(|(metric, value)| Point {
                metric: metric.clone(),
                item: item.clone().unwrap_or_default(),
                step: integer(*step),
                value: real(*value),
                time: line.time,
            }));
            Ok(())
        }
        hello @ Event::Hello { .. } => say_hello(db, attempt_id, hello).await,
        Event::Result { values } => set_result(db, attempt_id, values).await,
        other => set_one(db, attempt_id, other, line.time).await,
    }
}

async fn say_hello(
    db: &mut SqliteConnection,
    attempt_id: i64,
    hello: &Event,
) -> Result<(), sqlx::Error> {
    let Event::Hello { program, build, device, resumed_from, metrics, .. } = hello else {
        return Ok(());
    };
    sqlx::query(
        "update attempt set program = ?, build = coalesce(?, build), device = ?, keeps_until = ?
         where attempt_id = ?",
    )
    .bind(program)
    .bind(build)
    .bind(device)
    .bind(resumed_from.map_or(-1, integer))
    .bind(attempt_id)
    .execute(&mut *db)
    .await?;
    for (name, info) in metrics {
        sqlx::query(
            "insert into metric (name, description, unit) values (?, ?, ?)
             on conflict (name) do update set
                description = excluded.description, unit = excluded.unit",
        )
        .bind(name)
        .bind(&info.description)
        .bind(&info.unit)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn set_result(
    db: &mut SqliteConnection,
    attempt_id: i64,
    values: &BTreeMap<String, Number>,
) -> Result<(), sqlx::Error> {
    for (metric, value) in values {
        let metric_id = metric_id(db, metric).await?;
        sqlx::query(
            "insert or replace into result (attempt_id, metric_id, value) values (?, ?, ?)",
        )
        .bind(attempt_id)
        .bind(metric_id)
        .bind(real(*value))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Events that come to one row each.
async fn set_one(
    db: &mut SqliteConnection,
    attempt_id: i64,
    event: &Event,
    time: Option<f64>,
) -> Result<(), sqlx::Error> {
    let statement = match event {
        Event::Progress { phase, step, of } => sqlx::query(
            "update attempt set phase = ?, phase_step = ?, phase_of = ?, phase_time = ?
             where attempt_id = ?",
        )
        .bind(phase)
        .bind(integer(*step))
        .bind(integer(*of))
        .bind(time)
        .bind(attempt_id),
        Event::Checkpoint { step, path, hash } => sqlx::query(
            "insert or replace into checkpoint (attempt_id, step, path, hash)
             values (?, ?, ?, ?)",
        )
        .bind(attempt_id)
        .bind(integer(*step))
        .bind(path)
        .bind(hash),
        Event::Artifact { kind, name, step, item, path } => sqlx::query(
            "insert or replace into artifact (attempt_id, kind, name, item, step, path)
             values (?, ?, ?, ?, ?, ?)",
        )
        .bind(attempt_id)
        .bind(kind)
        .bind(name)
        .bind(item.as_deref().unwrap_or_default())
        .bind(integer(*step))
        .bind(path),
        Event::Failed { class, message } => sqlx::query(
            "update attempt set failed_class = ?, failed_message = ? where attempt_id = ?",
        )
        .bind(class)
        .bind(message)
        .bind(attempt_id),
        Event::Hello { .. } | Event::Metrics { .. } | Event::Result { .. } => return Ok(()),
    };
    statement.execute(db).await.map(drop)
}

/// Writes the batch's points, and how far the file has been read.
async fn flush(
    db: &mut SqliteConnection,
    attempt_id: i64,
    batch: &Batch,
    bytes_read: u64,
) -> Result<(), sqlx::Error> {
    let mut ids = BTreeMap::new();
    for point in &batch.points {
        if !ids.contains_key(point.metric.as_str()) {
            ids.insert(point.metric.as_str(), metric_id(db, &point.metric).await?);
        }
    }
    for points in batch.points.chunks(ROWS) {
        // Of a key that is said twice, the later value counts.
        let mut insert = QueryBuilder::new(
            "insert or replace into point (attempt_id, metric_id, item, step, value, time) ",
        );
        insert.push_values(points, |mut row, point| {
            row.push_bind(attempt_id)
                .push_bind(ids[point.metric.as_str()])
                .push_bind(&point.item)
                .push_bind(point.step)
                .push_bind(point.value)
                .push_bind(point.time);
        });
        insert.build().persistent(false).execute(&mut *db).await?;
    }
    // Who says points without a hello has begun anew.
    sqlx::query(
        "update attempt set
            bytes_read = ?,
            unknown_lines = unknown_lines + ?,
            keeps_until = iif(?, coalesce(keeps_until, -1), keeps_until),
            last_step = coalesce(?, last_step)
         where attempt_id = ?",
    )
    .bind(bytes_read as i64)
    .bind(batch.unknown_lines)
    .bind(!batch.points.is_empty())
    .bind(batch.last_step)
    .bind(attempt_id)
    .execute(&mut *db)
    .await?;
    Ok(())
}

/// The id of a metric that may be new.
async fn metric_id(db: &mut SqliteConnection, name: &str) -> Result<i64, sqlx::Error> {
    sqlx::query("insert or ignore into metric (name) values (?)")
        .bind(name)
        .execute(&mut *db)
        .await?;
    sqlx::query_scalar("select metric_id from metric where name = ?")
        .bind(name)
        .fetch_one(&mut *db)
        .await
}

/// A step as SQLite can hold it. One beyond that is nonsense, and no reason to fail.
fn integer(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// A value as SQLite can hold it: NaN is null.
fn real(Number(value): Number) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}
