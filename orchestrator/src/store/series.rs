//! The points of a metric that count, attempt by attempt.
//!
//! The view `series` says the same to people in one `select`, and asks of every point whether a
//! later attempt has said it again. Here each attempt is one walk along the table's key.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use reports::series::Sample;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

/// One metric's points that belong to no item, steps rising. Seconds of work never fall; they are NaN
/// where the worker gave no time, and where they were not asked for. An attempt goes on counting from the
/// last point that stands before it.
pub type Series = Vec<Sample>;

/// Whether the times of points are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// They are not.
    Left,
    /// They are, and take half as long again.
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

    /// Gives one metric's points to `take`, trial by trial: those of no two are held at once. Trials
    /// without any are left out.
    pub async fn each_series<E: From<StoreError>>(
        &mut self,
        metric: &str,
        times: Times,
        mut take: impl FnMut(TrialId, Series) -> Result<(), E>,
    ) -> Result<(), E> {
        let attempts: Vec<(i64, String, i64, Option<i64>)> = sqlx::query_as(
            "select status.attempt_id, trial.name, attempt.started_ms, status.keeps_until
             from effective_attempt as status
             join attempt using (attempt_id)
             join trial on trial.trial_id = status.trial_id
             order by trial.name, status.number",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        for of_trial in attempts.chunk_by(|a, b| a.1 == b.1) {
            let mut series = Series::new();
            for (attempt, _, started_ms, keeps_until) in of_trial {
                let until = keeps_until.unwrap_or(i64::MAX);
                let said = self.said(*attempt, metric, until, times.since(*started_ms)).await?;
                go_on(&mut series, said);
            }
            if !series.is_empty() {
                let_rise(&mut series);
                take(TrialId(of_trial[0].1.clone()), series)?;
            }
        }
        Ok(())
    }

    /// A metric's newest value by trial: of each attempt one look at the end of its key.
    pub async fn latest(&mut self, metric: &str) -> Result<BTreeMap<TrialId, f64>, StoreError> {
        let rows: Vec<(String, i64, Option<f64>)> = sqlx::query_as(
            "select trial.name, point.step, point.value
             from effective_attempt as status
             join trial using (trial_id)
             join metric on metric.name = ?1
             -- Crossed, or SQLite begins with all points.
             cross join point on point.attempt_id = status.attempt_id
                and point.metric_id = metric.metric_id
                and point.item = ''
                and point.step = (
                    select max(step) from point as last
                    where last.attempt_id = status.attempt_id
                        and last.metric_id = metric.metric_id
                        and last.item = ''
                        and last.step <= ifnull(status.keeps_until, ?2)
                )
             order by trial.name, status.number",
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
    ) -> Result<Series, StoreError> {
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
        let sample = |row: SqliteRow| Sample {
            step: row.get::<i64, _>(0) as u64,
            value: row.get::<Option<f64>, _>(1).unwrap_or(f64::NAN),
            seconds: start.and_then(|start| seconds(&row, start)).unwrap_or(f64::NAN),
        };
        let samples = rows.fetch(&mut self.connection).map_ok(sample).try_collect();
        samples.await.map_err(Self::sql_error(&self.path))
    }
}

impl Times {
    /// What times are counted from, in seconds since the Unix epoch, if they are.
    fn since(self, started_ms: i64) -> Option<f64> {
        (self == Self::Read).then_some(started_ms as f64 / 1000.0)
    }
}

/// Adds the next attempt's points; of a step that is said again, they count.
fn go_on(series: &mut Series, said: Series) {
    let so_far = series.last().map_or(0.0, |last| last.seconds);
    let overlaps =
        series.last().zip(said.first()).is_some_and(|(last, next)| next.step <= last.step);
    series.extend(said.into_iter().map(|s| Sample { seconds: so_far + s.seconds, ..s }));
    if overlaps {
        // Stable, so that of equal steps the later attempt's stands behind.
        series.sort_by_key(|sample| sample.step);
        series.reverse();
        series.dedup_by_key(|sample| sample.step);
        series.reverse();
    }
}

/// Lets no time fall: a clock that was set back must not make a line turn.
fn let_rise(series: &mut Series) {
    let mut latest = 0.0;
    for sample in series.iter_mut().filter(|sample| !sample.seconds.is_nan()) {
        latest = f64::max(latest, sample.seconds);
        sample.seconds = latest;
    }
}
