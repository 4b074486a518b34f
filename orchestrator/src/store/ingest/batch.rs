//! The rows that a batch of an attempt's events comes to. Points are collected, so that they need few
//! statements; everything else is written event by event.

use std::collections::BTreeMap;

use experiments::protocol::events::{Event, Line};
use experiments::protocol::number::Number;
use sqlx::{QueryBuilder, SqliteConnection};

use super::code::{store_code, store_imports};
use super::metric_names::Names;

/// Points written by one statement: SQLite takes 32,766 values at a time.
const ROWS: usize = 5_000;

/// The events of one transaction.
pub(super) struct Batch {
    attempt_id: i64,
    names: Names,
    /// In the file's order.
    points: Vec<Point>,
    /// The step that the worker reached last.
    last_step: Option<i64>,
}

struct Point {
    metric_id: i64,
    item: String,
    step: i64,
    value: Option<f64>,
    time: Option<f64>,
}

impl Batch {
    /// A batch without events.
    pub(super) async fn new(
        db: &mut SqliteConnection,
        attempt_id: i64,
    ) -> Result<Self, sqlx::Error> {
        let names = Names::of(db, attempt_id).await?;
        Ok(Self { attempt_id, names, points: Vec::new(), last_step: None })
    }

    /// The metrics that the attempt has named so far.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Stores an event, if it is a point at [`finish`](Self::finish).
    pub(super) async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        line: &Line,
    ) -> Result<(), sqlx::Error> {
        self.names.add(db, &line.event).await?;
        if let Event::Progress { step, .. } | Event::Metrics { step, .. } = &line.event {
            self.last_step = Some(integer(*step));
        }
        match &line.event {
            Event::Metrics { step, item, values } => {
                self.points.extend(values.iter().map(|(metric, value)| Point {
                    metric_id: self.names.id(metric),
                    item: item.clone().unwrap_or_default(),
                    step: integer(*step),
                    value: real(*value),
                    time: line.time,
                }));
                Ok(())
            }
            hello @ Event::Hello { .. } => self.store_hello(db, hello).await,
            Event::Result { values } => self.store_result(db, values).await,
            Event::Code(code) => store_code(db, self.attempt_id, code).await,
            Event::Imports { files } => store_imports(db, self.attempt_id, files).await,
            other => self.store_row(db, other, line.time).await,
        }
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

    /// Stores the points, and the step that was reached last.
    pub(super) async fn finish(self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for points in self.points.chunks(ROWS) {
            // Of a repeated key, the later value counts.
            let mut insert = QueryBuilder::new(
                "insert or replace into point (attempt_id, metric_id, item, step, value, time) ",
            );
            insert.push_values(points, |mut row, point| {
                row.push_bind(self.attempt_id)
                    .push_bind(point.metric_id)
                    .push_bind(&point.item)
                    .push_bind(point.step)
                    .push_bind(point.value)
                    .push_bind(point.time);
            });
            insert.build().persistent(false).execute(&mut *db).await?;
        }
        // An attempt that reports points without a hello has started from scratch.
        sqlx::query(
            "update attempt set
                resumed_from = iif(?, coalesce(resumed_from, -1), resumed_from),
                last_step = coalesce(?, last_step)
             where attempt_id = ?",
        )
        .bind(!self.points.is_empty())
        .bind(self.last_step)
        .bind(self.attempt_id)
        .execute(db)
        .await
        .map(drop)
    }
}

/// A step as SQLite can hold it: no event has a greater one.
pub(super) fn integer(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// A value as SQLite can hold it: NaN is null.
fn real(Number(value): Number) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}
