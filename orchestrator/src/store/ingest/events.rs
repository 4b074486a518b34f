//! From an attempt's `events.jsonl` to points, results, checkpoints and artifacts.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::protocol::events::{Event, LONGEST_LINE, Line, MOST_METRICS};
use experiments::protocol::number::Number;
use sqlx::{Connection, QueryBuilder, SqliteConnection};

use super::metric_names::Names;
use crate::platform::line_reader::{self, Place, Tail};
use crate::store::skipped_lines::skip_line;
use crate::store::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

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

/// An attempt, as far as it has been read.
#[derive(sqlx::FromRow)]
struct Cursor {
    attempt_id: i64,
    bytes_read: i64,
    lines_read: i64,
    in_long_line: bool,
    skipped_lines: i64,
}

/// What a batch of lines comes to, so that points need few statements.
struct Batch {
    attempt_id: i64,
    names: Names,
    /// In the file's order.
    points: Vec<Point>,
    /// The step that the worker came to last.
    last_step: Option<i64>,
    /// Lines that were passed over, those of earlier batches included.
    skipped_lines: u64,
}

struct Point {
    metric_id: i64,
    item: String,
    step: i64,
    value: Option<f64>,
    time: Option<f64>,
}

impl Store {
    /// Takes in what is new in the attempt's events file before the byte `end`, a few megabytes at a
    /// time, and says which events these were. Call again while there is more.
    pub async fn read_events(
        &mut self,
        trial: &TrialId,
        attempt: u32,
        file: &Path,
        end: u64,
    ) -> Result<Read, StoreError> {
        let sql = Self::sql_error(&self.path);
        let cursor: Cursor = sqlx::query_as(
            "select attempt_id, bytes_read, lines_read, in_long_line, skipped_lines
             from attempt join trial using (trial_id) where name = ? and number = ?",
        )
        .bind(&trial.0)
        .bind(attempt)
        .fetch_one(&mut self.connection)
        .await
        .map_err(&sql)?;
        let from = Place {
            offset: cursor.bytes_read as u64,
            lines: cursor.lines_read as u64,
            in_long_line: cursor.in_long_line,
        };
        let read = Tail { path: file, longest: LONGEST_LINE, end }
            .read(from)
            .map_err(|source| StoreError::File { path: file.to_owned(), source })?;
        if read.place == from {
            return Ok(Read { lines: Vec::new(), more: false });
        }
        let mut transaction = self.connection.begin().await.map_err(&sql)?;
        let lines = take_in(&mut transaction, &cursor, &read).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(Read { lines, more: true })
    }
}

/// Writes down what the lines say, and how far the file has been read.
async fn take_in(
    db: &mut SqliteConnection,
    cursor: &Cursor,
    read: &line_reader::Read,
) -> Result<Vec<Line>, sqlx::Error> {
    let attempt_id = cursor.attempt_id;
    let mut batch = Batch {
        attempt_id,
        names: Names::of(db, attempt_id).await?,
        points: Vec::new(),
        last_step: None,
        skipped_lines: cursor.skipped_lines as u64,
    };
    let mut lines = Vec::new();
    for (number, line) in (cursor.lines_read as u64 + 1..).zip(&read.lines) {
        match parsed(line, &batch.names) {
            Ok(Some(line)) => {
                apply(db, &line, &mut batch).await?;
                lines.push(line);
            }
            Ok(None) => {}
            Err(reason) => {
                skip_line(db, attempt_id, number, &reason, batch.skipped_lines).await?;
                batch.skipped_lines += 1;
            }
        }
    }
    flush(db, &batch, read.place).await?;
    Ok(lines)
}

/// The event in a line, unless that is blank, or why it is passed over.
fn parsed(line: &line_reader::Line, names: &Names) -> Result<Option<Line>, String> {
    let text = match line {
        line_reader::Line::Whole(text) if text.trim().is_empty() => return Ok(None),
        line_reader::Line::Whole(text) => text,
        line_reader::Line::TooLong => return Err(format!("longer than {LONGEST_LINE} bytes")),
    };
    let line = Line::parse(text).map_err(|error| error.to_string())?;
    if !names.have_room_for(&line.event) {
        return Err(format!("the attempt names more than {MOST_METRICS} metrics"));
    }
    Ok(Some(line))
}

async fn apply(
    db: &mut SqliteConnection,
    line: &Line,
    batch: &mut Batch,
) -> Result<(), sqlx::Error> {
    batch.names.add(db, &line.event).await?;
    if let Event::Progress { step, .. } | Event::Metrics { step, .. } = &line.event {
        batch.last_step = Some(integer(*step));
    }
    match &line.event {
        Event::Metrics { step, item, values } => {
            let names = &batch.names;
            batch.points.extend(values.iter().map(|(metric, value)| Point {
                metric_id: names.id(metric),
                item: item.clone().unwrap_or_default(),
                step: integer(*step),
                value: real(*value),
                time: line.time,
            }));
            Ok(())
        }
        hello @ Event::Hello { .. } => say_hello(db, batch, hello).await,
        Event::Result { values } => set_result(db, batch, values).await,
        other => set_one(db, batch.attempt_id, other, line.time).await,
    }
}

async fn say_hello(
    db: &mut SqliteConnection,
    batch: &Batch,
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
    .bind(batch.attempt_id)
    .execute(&mut *db)
    .await?;
    for (name, info) in metrics {
        batch.names.describe(db, name, info).await?;
    }
    Ok(())
}

async fn set_result(
    db: &mut SqliteConnection,
    batch: &Batch,
    values: &BTreeMap<String, Number>,
) -> Result<(), sqlx::Error> {
    // Said again, the last one counts, whole.
    let clear = sqlx::query("delete from result where attempt_id = ?").bind(batch.attempt_id);
    clear.execute(&mut *db).await?;
    for (metric, value) in values {
        sqlx::query("insert into result (attempt_id, metric_id, value) values (?, ?, ?)")
            .bind(batch.attempt_id)
            .bind(batch.names.id(metric))
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
        .bind(class.as_str())
        .bind(message)
        .bind(attempt_id),
        Event::Hello { .. } | Event::Metrics { .. } | Event::Result { .. } => return Ok(()),
    };
    statement.execute(db).await.map(drop)
}

/// Writes the batch's points, and how far the file has been read.
async fn flush(db: &mut SqliteConnection, batch: &Batch, place: Place) -> Result<(), sqlx::Error> {
    for points in batch.points.chunks(ROWS) {
        // Of a key that is said twice, the later value counts.
        let mut insert = QueryBuilder::new(
            "insert or replace into point (attempt_id, metric_id, item, step, value, time) ",
        );
        insert.push_values(points, |mut row, point| {
            row.push_bind(batch.attempt_id)
                .push_bind(point.metric_id)
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
            lines_read = ?,
            in_long_line = ?,
            skipped_lines = ?,
            keeps_until = iif(?, coalesce(keeps_until, -1), keeps_until),
            last_step = coalesce(?, last_step)
         where attempt_id = ?",
    )
    .bind(place.offset as i64)
    .bind(place.lines as i64)
    .bind(place.in_long_line)
    .bind(batch.skipped_lines as i64)
    .bind(!batch.points.is_empty())
    .bind(batch.last_step)
    .bind(batch.attempt_id)
    .execute(&mut *db)
    .await?;
    Ok(())
}

/// A step as SQLite can hold it: no event has a greater one.
pub(super) fn integer(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// A value as SQLite can hold it: NaN is null.
fn real(Number(value): Number) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}
