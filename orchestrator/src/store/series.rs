//! The points of a metric that are in effect, attempt by attempt.
//!
//! The view `series` gives the same to people in one `select`, and looks up for every point whether a
//! later attempt has repeated it. Here each attempt is one scan along the table's key.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use futures_util::TryStreamExt;
use reports::series::Sample;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::{Store, StoreError};

/// One metric's points that belong to no item, by ascending step. Seconds of work never decrease; they
/// are NaN where the worker gave no time, and with [`Times::Left`]. An attempt's seconds continue from
/// the last point before it.
pub(crate) type Series = Vec<Sample>;

/// The choice to read the times of points, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// They are left out.
    Left,
    /// They are read, which takes half as long again.
    Read,
}

impl Store {
    /// One metric's points by trial. Trials without any are left out.
    pub async fn series(
        &mut self,
        metric: &str,
        times: Times,
    ) -> Result<BTreeMap<TrialId, Series>, StoreError> {
        let mut all = BTreeMap::new();
        let take = |trial, series| {
            all.insert(trial, series);
            Ok(())
        };
        self.each_series(metric, times, take).await?;
        Ok(all)
    }

    /// Passes one metric's points to `take`, trial by trial, so that only one trial's are held at once.
    /// Trials without any are left out.
    pub(crate) async fn each_series<E: From<StoreError>>(
        &mut self,
        metric: &str,
        times: Times,
        mut take: impl FnMut(TrialId, Series) -> Result<(), E>,
    ) -> Result<(), E> {
        let attempts: Vec<(i64, String, i64, Option<i64>)> = self
            .fetch_all(sqlx::query_as(
                "select status.attempt_id, trial.name, attempt.started_ms, status.effective_until
             from effective_attempt as status
             join attempt using (attempt_id)
             join trial on trial.trial_id = status.trial_id
             order by trial.name, status.number",
            ))
            .await?;
        for of_trial in attempts.chunk_by(|a, b| a.1 == b.1) {
            let mut series = Series::new();
            for (attempt, _, started_ms, effective_until) in of_trial {
                let until = effective_until.unwrap_or(i64::MAX);
                let next =
                    self.attempt_series(*attempt, metric, until, times.since(*started_ms)).await?;
                append(&mut series, next);
            }
            if !series.is_empty() {
                make_monotonic(&mut series);
                take(TrialId(of_trial[0].1.clone()), series)?;
            }
        }
        Ok(())
    }

    /// A metric's newest value by trial: one lookup at the end of each attempt's key.
    pub(crate) async fn latest(
        &mut self,
        metric: &str,
    ) -> Result<BTreeMap<TrialId, f64>, StoreError> {
        let rows: Vec<(String, i64, Option<f64>)> = self
            .fetch_all(
                sqlx::query_as(
                    "select trial.name, point.step, point.value
             from effective_attempt as status
             join trial using (trial_id)
             join metric on metric.name = ?1
             join attempt_series as own on own.attempt_id = status.attempt_id
                and own.metric_id = metric.metric_id
                and own.item = ''
             -- A cross join, or SQLite begins with all points.
             cross join point on point.series_id = own.series_id
                and point.step = (
                    select max(step) from point as last
                    where last.series_id = own.series_id
                        and last.step <= ifnull(status.effective_until, ?2)
                )
             order by trial.name, status.number",
                )
                .bind(metric)
                .bind(i64::MAX),
            )
            .await?;
        let mut latest = BTreeMap::<TrialId, (i64, f64)>::new();
        for (trial, step, value) in rows {
            // Of a repeated step, the later attempt's value counts.
            let newest = latest.entry(TrialId(trial)).or_insert((i64::MIN, f64::NAN));
            if step >= newest.0 {
                *newest = (step, value.unwrap_or(f64::NAN));
            }
        }
        Ok(latest.into_iter().map(|(trial, (_, value))| (trial, value)).collect())
    }

    /// The trials that have a point of a metric without an item.
    pub(crate) async fn trials_with_points(
        &mut self,
        metric: &str,
    ) -> Result<BTreeSet<TrialId>, StoreError> {
        let trials: Vec<(String,)> = self
            .fetch_all(
                sqlx::query_as(
                    "select distinct trial.name
             from metric
             join attempt_series using (metric_id)
             join attempt using (attempt_id)
             join trial using (trial_id)
             where metric.name = ? and attempt_series.item = ''",
                )
                .bind(metric),
            )
            .await?;
        Ok(trials.into_iter().map(|(name,)| TrialId(name)).collect())
    }

    /// Every metric that has a point without an item.
    pub(crate) async fn metrics_with_points(&mut self) -> Result<BTreeSet<String>, StoreError> {
        let metrics: Vec<(String,)> = self
            .fetch_all(sqlx::query_as(
                "select metric.name
             from metric
             where exists (
                select 1 from attempt_series
                where attempt_series.metric_id = metric.metric_id and attempt_series.item = ''
             )",
            ))
            .await?;
        Ok(metrics.into_iter().map(|(name,)| name).collect())
    }

    /// One attempt's points up to the step `until`, from which a later one supersedes it; in seconds
    /// since `start`, or NaN without it.
    async fn attempt_series(
        &mut self,
        attempt: i64,
        metric: &str,
        until: i64,
        start: Option<f64>,
    ) -> Result<Series, StoreError> {
        // Another column takes as long again.
        let time = if start.is_some() { ", time" } else { "" };
        let select = format!(
            "select step, value{time} from point
             where step <= ? and series_id = (
                select series_id from attempt_series join metric using (metric_id)
                where attempt_id = ? and name = ? and item = ''
             )
             order by step"
        );
        let rows = sqlx::query(AssertSqlSafe(select)).bind(until).bind(attempt).bind(metric);
        rows.fetch(&mut self.connection)
            .map_ok(|row| sample(&row, start))
            .try_collect()
            .await
            .map_err(Self::sql_error(&self.path))
    }
}

/// From the columns step, value and, if there is a `start`, time.
fn sample(row: &SqliteRow, start: Option<f64>) -> Sample {
    let seconds = start.and_then(|start| Some((row.get::<Option<f64>, _>(2)? - start).max(0.0)));
    Sample {
        step: row.get::<i64, _>(0) as u64,
        value: row.get::<Option<f64>, _>(1).unwrap_or(f64::NAN),
        seconds: seconds.unwrap_or(f64::NAN),
    }
}

impl Times {
    /// The start that times are counted from, in seconds since the Unix epoch, if they are read.
    fn since(self, started_ms: i64) -> Option<f64> {
        (self == Self::Read).then_some(started_ms as f64 / 1000.0)
    }
}

/// Appends the next attempt's points, which count for steps that both have.
fn append(series: &mut Series, next: Series) {
    let so_far = series.last().map_or(0.0, |last| last.seconds);
    let overlaps =
        series.last().zip(next.first()).is_some_and(|(last, next)| next.step <= last.step);
    series.extend(next.into_iter().map(|s| Sample { seconds: so_far + s.seconds, ..s }));
    if overlaps {
        // Stable, so that of equal steps the later attempt's comes last.
        series.sort_by_key(|sample| sample.step);
        series.reverse();
        series.dedup_by_key(|sample| sample.step);
        series.reverse();
    }
}

/// Makes seconds never decrease: a clock that was set back must not make a curve turn back.
fn make_monotonic(series: &mut Series) {
    let mut latest = 0.0;
    for sample in series.iter_mut().filter(|sample| !sample.seconds.is_nan()) {
        latest = f64::max(latest, sample.seconds);
        sample.seconds = latest;
    }
}
