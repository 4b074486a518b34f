//! Every point of a trial that counts, at full resolution.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt};

use super::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

/// One value of one metric at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The metric's name.
    pub metric: String,
    /// Which item of a set; empty where the metric has none.
    pub item: String,
    /// Training step.
    pub step: u64,
    /// The value; NaN where none was recorded as a number.
    pub value: f64,
    /// Seconds since the Unix epoch by the worker's clock, where it said.
    pub time: Option<f64>,
}

/// A trial's points as they are read.
pub type Points<'a> = Pin<Box<dyn Stream<Item = Result<Point, StoreError>> + Send + 'a>>;

/// As the columns stand in the view.
type Row = (String, String, i64, Option<f64>, Option<f64>);

impl Store {
    /// A trial's points that count, by metric, item and step. They are sorted by SQLite, which goes to
    /// disk where they are many, and only those that are being read are held.
    pub fn points(&mut self, trial: &TrialId) -> Points<'_> {
        let rows = sqlx::query_as(
            "select metric, item, step, value, time from series
             where trial = ? order by metric, item, step",
        );
        let rows = rows.bind(trial.0.clone()).fetch(&mut self.connection);
        let point = |(metric, item, step, value, time): Row| Point {
            metric,
            item,
            step: step as u64,
            value: value.unwrap_or(f64::NAN),
            time,
        };
        Box::pin(rows.map_ok(point).map_err(Self::sql_error(&self.path)))
    }
}
