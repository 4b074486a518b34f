//! The points of a metric that count, attempt by attempt.
//!
//! The view `series` says the same to people in one `select`, and asks of every point whether a
//! later attempt has said it again. Here each attempt is one walk along the table's key.

use std::collections::BTreeMap;

use super::{Store, StoreError};
use crate::core::TrialId;

/// One metric's points that belong to no item, steps rising.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Step and value; NaN where none was recorded as a number.
    pub points: Vec<(u64, f64)>,
    /// Seconds of work up to each point, never falling; NaN where the worker gave no time. An
    /// attempt goes on counting from the last point that stands before it.
    pub seconds: Vec<f64>,
}

/// Step, value and seconds.
type Point = (u64, f64, f64);

impl Store {
    /// One metric's points by trial. Trials without any are left out.
    pub async fn series(&mut self, metric: &str) -> Result<BTreeMap<TrialId, Series>, StoreError> {
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
        let mut series = BTreeMap::<TrialId, Vec<Point>>::new();
        for (attempt, trial, started_ms, keeps_until) in attempts {
            let said = self.said(attempt, metric, started_ms, keeps_until).await?;
            if !said.is_empty() {
                go_on(series.entry(TrialId(trial)).or_default(), said);
            }
        }
        Ok(series.into_iter().map(|(trial, points)| (trial, Series::new(&points))).collect())
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

    /// What one attempt said, up to where a later one takes over, in seconds since its start.
    async fn said(
        &mut self,
        attempt: i64,
        metric: &str,
        started_ms: i64,
        keeps_until: Option<i64>,
    ) -> Result<Vec<Point>, StoreError> {
        let rows: Vec<(i64, Option<f64>, Option<f64>)> = sqlx::query_as(
            "select step, value, time from point
             where attempt_id = ? and item = '' and step <= ?
                and metric_id = (select metric_id from metric where name = ?)
             order by step",
        )
        .bind(attempt)
        .bind(keeps_until.unwrap_or(i64::MAX))
        .bind(metric)
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let start = started_ms as f64 / 1000.0;
        let point = |(step, value, time): (i64, Option<f64>, Option<f64>)| {
            let seconds = time.map_or(f64::NAN, |time| (time - start).max(0.0));
            (step as u64, value.unwrap_or(f64::NAN), seconds)
        };
        Ok(rows.into_iter().map(point).collect())
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
    fn new(points: &[Point]) -> Self {
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
            seconds: points.iter().map(|(_, _, seconds)| rising(*seconds)).collect(),
        }
    }
}
