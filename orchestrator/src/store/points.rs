//! Every point of a trial that is in effect, at full resolution.

use std::pin::Pin;

use experiments::protocol::trial_id::TrialId;
use futures_util::{Stream, TryStreamExt};

use super::{Store, StoreError};

/// One value of one metric at one step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// The metric's name.
    pub(crate) metric: String,
    /// The item of a set that it belongs to; empty where the metric has none.
    pub(crate) item: String,
    /// The training step.
    pub(crate) step: u64,
    /// The value, possibly NaN.
    pub(crate) value: f64,
    /// Seconds since the Unix epoch by the worker's clock; `None` if the event has no time.
    pub(crate) time: Option<f64>,
}

/// A trial's points as they are read.
pub(crate) type Points<'a> = Pin<Box<dyn Stream<Item = Result<Point, StoreError>> + Send + 'a>>;

/// The columns of the view, in the order of the query.
type Row = (String, String, i64, Option<f64>, Option<f64>);

impl Store {
    /// A trial's points in effect, by metric, item and step. They are sorted by SQLite, on disk if they
    /// are many, and only those that are being read are held in memory.
    pub(crate) fn points(&mut self, trial: &TrialId) -> Points<'_> {
        let rows = sqlx::query_as(
            "select metric, item, step, value, time from series
             where trial = ? order by metric, item, step",
        );
        let rows = rows.bind(trial.0.clone()).fetch(&mut self.connection);
        Box::pin(rows.map_ok(Point::from_row).map_err(Self::sql_error(&self.path)))
    }
}

impl Point {
    fn from_row((metric, item, step, value, time): Row) -> Self {
        Self { metric, item, step: step as u64, value: value.unwrap_or(f64::NAN), time }
    }
}
