//! The rows that a batch of an attempt's events comes to. Points are collected, so that they need few
//! statements; everything else is written event by event.

use std::collections::BTreeMap;
use std::mem;
use std::sync::LazyLock;

use experiments::protocol::events::{Event, Line, MetricsLine};
use experiments::protocol::number::Number;
use rusqlite::{Connection, Statement};

use super::code::{store_code, store_imports};
use super::metric_names::Names;
use crate::platform::line_reader::ReadOffset;
use crate::store::direct::execute;

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
    pub(super) fn new(db: &Connection, attempt_id: i64, is_first: bool) -> rusqlite::Result<Self> {
        let names = if is_first { Names::none(attempt_id) } else { Names::of(db, attempt_id)? };
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
    pub(super) fn apply(&mut self, db: &Connection, line: &Line) -> rusqlite::Result<bool> {
        if !self.names.add(db, &line.event)? {
            return Ok(false);
        }
        if let Event::Progress { step, .. } | Event::Metrics { step, .. } = &line.event {
            self.last_step = Some(integer(*step));
        }
        match &line.event {
            Event::Metrics { step, item, values } => {
                let item = item.as_deref().unwrap_or_default();
                for (metric, value) in values {
                    let series_id = self.names.series_id(db, metric, item)?;
                    let (step, value) = (integer(*step), real(*value));
                    self.points.push(Point { series_id, step, value, time: line.time });
                }
                self.has_points |= !values.is_empty();
            }
            hello @ Event::Hello { .. } => self.store_hello(db, hello)?,
            Event::Result { values } => self.store_result(db, values)?,
            Event::Code(code) => store_code(db, self.attempt_id, code)?,
            Event::Imports { files } => store_imports(db, self.attempt_id, files)?,
            other => self.store_row(db, other, line.time)?,
        }
        Ok(true)
    }

    fn store_hello(&self, db: &Connection, hello: &Event) -> rusqlite::Result<()> {
        let Event::Hello { program, build, device, resumed_from, metrics, .. } = hello else {
            return Ok(());
        };
        execute(
            db,
            "update attempt
             set program = ?, build = coalesce(?, build), device = ?, resumed_from = ?
             where attempt_id = ?",
            (program, build, device, resumed_from.map_or(-1, integer), self.attempt_id),
        )?;
        for (name, info) in metrics {
            self.names.describe(db, name, info)?;
        }
        Ok(())
    }

    fn store_result(
        &self,
        db: &Connection,
        values: &BTreeMap<String, Number>,
    ) -> rusqlite::Result<()> {
        // Of several results the last one counts, whole.
        execute(db, "delete from result where attempt_id = ?", [self.attempt_id])?;
        for (metric, value) in values {
            execute(
                db,
                "insert into result (attempt_id, metric_id, value) values (?, ?, ?)",
                (self.attempt_id, self.names.id(metric), real(*value)),
            )?;
        }
        Ok(())
    }

    /// Stores an event that comes to one row.
    fn store_row(&self, db: &Connection, event: &Event, time: Option<f64>) -> rusqlite::Result<()> {
        let id = self.attempt_id;
        match event {
            Event::Progress { phase, step, of } => execute(
                db,
                "update attempt set phase = ?, phase_step = ?, phase_total = ?, phase_time = ?
                 where attempt_id = ?",
                (phase, integer(*step), integer(*of), time, id),
            ),
            Event::Checkpoint { step, path, hash } => execute(
                db,
                "insert or replace into checkpoint (attempt_id, step, path, hash)
                 values (?, ?, ?, ?)",
                (id, integer(*step), path, hash),
            ),
            Event::Artifact { kind, name, step, item, path } => execute(
                db,
                "insert or replace into artifact (attempt_id, kind, name, item, step, path)
                 values (?, ?, ?, ?, ?, ?)",
                (id, kind, name, item.as_deref().unwrap_or_default(), integer(*step), path),
            ),
            Event::Failed { class, message } => execute(
                db,
                "update attempt set failure_class = ?, failure_message = ? where attempt_id = ?",
                (class.as_str(), message, id),
            ),
            Event::Hello { .. }
            | Event::Code(_)
            | Event::Imports { .. }
            | Event::Metrics { .. }
            | Event::Result { .. }
            | Event::Skipped { .. } => return Ok(()),
        }
        .map(drop)
    }

    /// Writes the remaining points, the step that was reached last, and the position in the events.
    pub(super) fn finish(self, db: &mut Connection, position: &Position) -> rusqlite::Result<()> {
        write_points(db, &self.points)?;
        // An attempt that reports points without a hello has started from scratch.
        execute(
            db,
            "update attempt set
                resumed_from = iif(?, coalesce(resumed_from, -1), resumed_from),
                last_step = coalesce(?, last_step),
                bytes_read = ?, lines_read = ?, in_long_line = ?,
                skipped_lines = ?, partial_lines = ?
             where attempt_id = ?",
            (
                self.has_points,
                self.last_step,
                position.offset.bytes as i64,
                position.offset.lines as i64,
                position.offset.in_long_line,
                position.skipped as i64,
                position.partial as i64,
                self.attempt_id,
            ),
        )
        .map(drop)
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
