//! The rows that a batch of an attempt's events comes to. Points are collected, so that they need few
//! statements; everything else is written event by event.

use std::collections::BTreeMap;
use std::mem;
use std::sync::LazyLock;

use experiments::protocol::events::{Event, Line, MetricsLine};
use experiments::protocol::number::Number;
use rusqlite::{Connection, Statement};
use sqlx::SqliteConnection;

use super::code::{store_code, store_imports};
use super::metric_names::Names;
use crate::platform::line_reader::ReadOffset;
use crate::store::SqlError;
use crate::store::direct::Direct;

/// Points that are written at once, while the next lines are read.
const MANY: usize = 4096;

/// Points that statements write: with more at a time, SQLite takes as long, and longer to compile them.
const ROWS: [usize; 2] = [64, 1];

/// The statement for each of these numbers of points. Of a repeated one, the later value counts.
static INSERTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    ROWS.map(|rows| {
        let rows = vec!["(?, ?, ?, ?)"; rows].join(", ");
        format!("insert or replace into point (series_id, step, value, time) values {rows}")
    })
});

/// The events of one transaction.
pub(super) struct Batch {
    attempt_id: i64,
    names: Names,
    /// Those that have not been written, in the file's order.
    points: Vec<Point>,
    /// True if there have been points.
    has_points: bool,
    /// The step that the worker reached last.
    last_step: Option<i64>,
}

/// A row of the table of points.
pub(super) struct Point {
    series_id: i64,
    step: i64,
    value: Option<f64>,
    time: Option<f64>,
}

/// The position in an attempt's events up to which they have been stored.
pub(super) struct Position {
    pub(super) offset: ReadOffset,
    /// Lines that are no event.
    pub(super) skipped: u64,
    /// Events without some of their values.
    pub(super) partial: u64,
}

impl Batch {
    /// A batch without events. `is_first` if nothing of the attempt has been stored yet.
    pub(super) async fn new(
        db: &mut SqliteConnection,
        attempt_id: i64,
        is_first: bool,
    ) -> Result<Self, sqlx::Error> {
        let names =
            if is_first { Names::none(attempt_id) } else { Names::of(db, attempt_id).await? };
        Ok(Self { attempt_id, names, points: Vec::new(), has_points: false, last_step: None })
    }

    /// Adds points, if all of their series are known; false, and none is added, if one is not.
    pub(super) fn add_points(&mut self, metrics: &MetricsLine) -> bool {
        let (step, item) = (integer(metrics.step), metrics.item().unwrap_or_default());
        let before = self.points.len();
        for (metric, value) in metrics.values() {
            let Some(series_id) = self.names.known_series(metric, item) else {
                self.points.truncate(before);
                return false;
            };
            self.points.push(Point { series_id, step, value: real(value), time: metrics.time });
        }
        self.has_points |= self.points.len() > before;
        self.last_step = Some(step);
        true
    }

    /// True if there are points enough to be written.
    pub(super) fn is_full(&self) -> bool {
        self.points.len() >= MANY
    }

    /// Removes the points, if there are enough to be written.
    pub(super) fn take_full(&mut self) -> Option<Vec<Point>> {
        self.is_full().then(|| mem::take(&mut self.points))
    }

    /// Stores an event, if it is a point by [`finish`](Self::finish) at the latest; false, and nothing
    /// is stored, if the attempt would exceed its limit of metrics.
    pub(super) async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        line: &Line,
    ) -> Result<bool, sqlx::Error> {
        if !self.names.add(db, &line.event).await? {
            return Ok(false);
        }
        if let Event::Progress { step, .. } | Event::Metrics { step, .. } = &line.event {
            self.last_step = Some(integer(*step));
        }
        match &line.event {
            Event::Metrics { step, item, values } => {
                let item = item.as_deref().unwrap_or_default();
                for (metric, value) in values {
                    let series_id = self.names.series_id(db, metric, item).await?;
                    let (step, value) = (integer(*step), real(*value));
                    self.points.push(Point { series_id, step, value, time: line.time });
                }
                self.has_points |= !values.is_empty();
            }
            hello @ Event::Hello { .. } => self.store_hello(db, hello).await?,
            Event::Result { values } => self.store_result(db, values).await?,
            Event::Code(code) => store_code(db, self.attempt_id, code).await?,
            Event::Imports { files } => store_imports(db, self.attempt_id, files).await?,
            other => self.store_row(db, other, line.time).await?,
        }
        Ok(true)
    }

    async fn store_hello(
        &self,
        db: &mut SqliteConnection,
        hello: &Event,
    ) -> Result<(), sqlx::Error> {
        let Event::Hello { program, build, device, resumed_from, metrics, .. } = hello else {
            return Ok(());
        };
        sqlx::query(
            "update attempt
             set program = ?, build = coalesce(?, build), device = ?, resumed_from = ?
             where attempt_id = ?",
        )
        .bind(program)
        .bind(build)
        .bind(device)
        .bind(resumed_from.map_or(-1, integer))
        .bind(self.attempt_id)
        .execute(&mut *db)
        .await?;
        for (name, info) in metrics {
            self.names.describe(db, name, info).await?;
        }
        Ok(())
    }

    async fn store_result(
        &self,
        db: &mut SqliteConnection,
        values: &BTreeMap<String, Number>,
    ) -> Result<(), sqlx::Error> {
        // Of several results the last one counts, whole.
        let clear = sqlx::query("delete from result where attempt_id = ?").bind(self.attempt_id);
        clear.execute(&mut *db).await?;
        for (metric, value) in values {
            sqlx::query("insert into result (attempt_id, metric_id, value) values (?, ?, ?)")
                .bind(self.attempt_id)
                .bind(self.names.id(metric))
                .bind(real(*value))
                .execute(&mut *db)
                .await?;
        }
        Ok(())
    }

    /// Stores an event that comes to one row.
    async fn store_row(
        &self,
        db: &mut SqliteConnection,
        event: &Event,
        time: Option<f64>,
    ) -> Result<(), sqlx::Error> {
        let statement = match event {
            Event::Progress { phase, step, of } => sqlx::query(
                "update attempt set phase = ?, phase_step = ?, phase_total = ?, phase_time = ?
                 where attempt_id = ?",
            )
            .bind(phase)
            .bind(integer(*step))
            .bind(integer(*of))
            .bind(time)
            .bind(self.attempt_id),
            Event::Checkpoint { step, path, hash } => sqlx::query(
                "insert or replace into checkpoint (attempt_id, step, path, hash)
                 values (?, ?, ?, ?)",
            )
            .bind(self.attempt_id)
            .bind(integer(*step))
            .bind(path)
            .bind(hash),
            Event::Artifact { kind, name, step, item, path } => sqlx::query(
                "insert or replace into artifact (attempt_id, kind, name, item, step, path)
                 values (?, ?, ?, ?, ?, ?)",
            )
            .bind(self.attempt_id)
            .bind(kind)
            .bind(name)
            .bind(item.as_deref().unwrap_or_default())
            .bind(integer(*step))
            .bind(path),
            Event::Failed { class, message } => sqlx::query(
                "update attempt set failure_class = ?, failure_message = ? where attempt_id = ?",
            )
            .bind(class.as_str())
            .bind(message)
            .bind(self.attempt_id),
            Event::Hello { .. }
            | Event::Code(_)
            | Event::Imports { .. }
            | Event::Metrics { .. }
            | Event::Result { .. }
            | Event::Skipped { .. } => return Ok(()),
        };
        statement.execute(db).await.map(drop)
    }

    /// Writes the remaining points, the step that was reached last, and the position in the events.
    pub(super) async fn finish(
        self,
        db: &mut SqliteConnection,
        position: &Position,
    ) -> Result<(), SqlError> {
        if !self.points.is_empty() {
            write_points(&mut *Direct::new(db).await?, &self.points)?;
        }
        // An attempt that reports points without a hello has started from scratch.
        sqlx::query(
            "update attempt set
                resumed_from = iif(?, coalesce(resumed_from, -1), resumed_from),
                last_step = coalesce(?, last_step),
                bytes_read = ?, lines_read = ?, in_long_line = ?,
                skipped_lines = ?, partial_lines = ?
             where attempt_id = ?",
        )
        .bind(self.has_points)
        .bind(self.last_step)
        .bind(position.offset.bytes as i64)
        .bind(position.offset.lines as i64)
        .bind(position.offset.in_long_line)
        .bind(position.skipped as i64)
        .bind(position.partial as i64)
        .bind(self.attempt_id)
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Writes points, as many at a time as there are statements for.
pub(super) fn write_points(db: &mut Connection, mut points: &[Point]) -> rusqlite::Result<()> {
    for (rows, insert) in ROWS.into_iter().zip(&*INSERTS) {
        if points.len() >= rows {
            let mut insert = db.prepare_cached(insert)?;
            while let Some((first, rest)) = points.split_at_checked(rows) {
                bind(&mut insert, first)?;
                insert.raw_execute()?;
                points = rest;
            }
        }
    }
    Ok(())
}

/// Binds the values of points to a statement.
fn bind(insert: &mut Statement, points: &[Point]) -> rusqlite::Result<()> {
    for (first, Point { series_id, step, value, time }) in (1..).step_by(4).zip(points) {
        insert.raw_bind_parameter(first, series_id)?;
        insert.raw_bind_parameter(first + 1, step)?;
        insert.raw_bind_parameter(first + 2, value)?;
        insert.raw_bind_parameter(first + 3, time)?;
    }
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
