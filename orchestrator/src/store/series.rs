//! The points of a metric that count, attempt by attempt.
//!
//! The view `series` says the same to people in one `select`, and asks of every point whether a
//! later attempt has said it again. Here each attempt is one walk along the table's key.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::{Store, StoreError};
use crate::core::TrialId;

/// One metric's points that belong to no item, steps rising.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Step and value; NaN where none was recorded as a number.
    pub points: Vec<(u64, f64)>,
    /// Seconds of work up to each point, never falling; NaN where the worker gave no time. An
    /// attempt goes on counting from the last point that stands before it. Empty where they were not
    /// asked for.
    pub seconds: Vec<f64>,
}

/// Step, value and seconds.
type Point = (u64, f64, f64);

/// Whether the times of points are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Left,
    Read,
}

impl Store {
    /// One metric's points by trial. Trials without any are left out.
    pub async fn series(&mut self, metric: &str) -> Result<BTreeMap<TrialId, Series>, StoreError> {
        self.series_with(metric, Times::Left).await
    }

    /// The same with the seconds of work, which take as much memory again.
    pub async fn timed_series(
        &mut self,
        metric: &str,
    ) -> Result<BTreeMap<TrialId, Series>, StoreError> {
        self.series_with(metric, Times::Read).await
    }

    async fn series_with(
        &mut self,
        metric: &str,
        times: Times,
    ) -> Result<BTreeMap<TrialId, Series>, StoreError> {
        let attempts: Vec<(i64, String, i64, Option<i64>)> = sqlx::query_as(
            "select standing.attempt_id, trial.name, attempt.started_ms, standing.keeps_until
             from standing_attempt as standing
             join attempt using (attempt_id)
             join trial on trial.trial_id = standing.trial_id
             order by trial.name, standing.number",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut series = BTreeMap::new();
        for of_trial in attempts.chunk_by(|a, b| a.1 == b.1) {
            let mut points = Vec::new();
            for (attempt, _, started_ms, keeps_until) in of_trial {
                let until = keeps_until.unwrap_or(i64::MAX);
                let said = self.said(*attempt, metric, until, times.since(*started_ms)).await?;
                go_on(&mut points, said);
            }
            if !points.is_empty() {
                series.insert(TrialId(of_trial[0].1.clone()), Series::new(&points, times));
            }
        }
        Ok(series)
    }

    /// A metric's newest value by trial: of each attempt one look at the end of its key.
    pub async fn latest(&mut self, metric: &str) -> Result<BTreeMap<TrialId, f64>, StoreError> {
        let rows: Vec<(String, i64, Option<f64>)> = sqlx::query_as(
            "select trial.name, point.step, point.value
             from standing_attempt as standing
             join trial using (trial_id)
             join metric on metric.name = ?1
             -- Crossed, or SQLite begins with all points.
             cross join point on point.attempt_id = standing.attempt_id
                and point.metric_id = metric.metric_id
                and point.item = ''
                and point.step = (
                    select max(step) from point as last
                    where last.attempt_id = standing.attempt_id
                        and last.metric_id = metric.metric_id
                        and last.item = ''
                        and last.step <= ifnull(standing.keeps_until, ?2)
                )
             order by trial.name, standing.number",
        )
        .bind(metric)
        .bind(i64::MAX)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut latest = BTreeMap::<TrialId, (i64, f64)>::new();
        for (trial, step, value) in rows {
            // Of a step that is said again, the later attempt's value counts.
            let newest = latest.entry(TrialId(trial)).or_insert((i64::MIN, f64::NAN));
            if step >= newest.0 {
                *newest = (step, value.unwrap_or(f64::NAN));
            }
        }
        Ok(latest.into_iter().map(|(trial, (_, value))| (trial, value)).collect())
    }

    /// What one attempt said, up to the step where a later one takes over, in seconds since `start`,
    /// or at an unknown time.
    async fn said(
        &mut self,
        attempt: i64,
        metric: &str,
        until: i64,
        start: Option<f64>,
    ) -> Result<Vec<Point>, StoreError> {
        // A column more takes as long again.
        let time = if start.is_some() { ", time" } else { "" };
        let select = format!(
            "select step, value{time} from point
             where attempt_id = ? and item = '' and step <= ?
                and metric_id = (select metric_id from metric where name = ?)
             order by step"
        );
        let rows = sqlx::query(AssertSqlSafe(select)).bind(attempt).bind(until).bind(metric);
        let seconds = |row: &SqliteRow, start: f64| {
            row.get::<Option<f64>, _>(2).map(|time| (time - start).max(0.0))
        };
        let point = |row: SqliteRow| {
            let value = row.get::<Option<f64>, _>(1).unwrap_or(f64::NAN);
            let seconds = start.and_then(|start| seconds(&row, start)).unwrap_or(f64::NAN);
            (row.get::<i64, _>(0) as u64, value, seconds)
        };
        let points = rows.fetch(&mut self.connection).map_ok(point).try_collect();
        points.await.map_err(Self::sql_error(&self.path))
    }
}

impl Times {
    /// What times are counted from, in seconds since the Unix epoch, if they are.
    fn since(self, started_ms: i64) -> Option<f64> {
        (self == Self::Read).then_some(started_ms as f64 / 1000.0)
    }
}

/// Adds the next attempt's points; of a step that is said again, they count.
fn go_on(points: &mut Vec<Point>, said: Vec<Point>) {
    let so_far = points.last().map_or(0.0, |(_, _, seconds)| *seconds);
    let overlaps = points.last().zip(said.first()).is_some_and(|(last, next)| next.0 <= last.0);
    points.extend(said.into_iter().map(|(step, value, seconds)| (step, value, so_far + seconds)));
    if overlaps {
        // Stable, so that of equal steps the later attempt's stands behind.
        points.sort_by_key(|(step, ..)| *step);
        points.reverse();
        points.dedup_by_key(|(step, ..)| *step);
        points.reverse();
    }
}

impl Series {
    fn new(points: &[Point], times: Times) -> Self {
        let mut latest = 0.0;
        let mut rising = |seconds: f64| {
            if seconds.is_nan() {
                return seconds;
            }
            // A clock that was set back must not make a line turn.
            latest = f64::max(latest, seconds);
            latest
        };
        Self {
            points: points.iter().map(|(step, value, _)| (*step, *value)).collect(),
            seconds: match times {
                Times::Left => Vec::new(),
                Times::Read => points.iter().map(|(_, _, seconds)| rising(*seconds)).collect(),
            },
        }
    }
}
