//! The points of a metric that are in effect, attempt by attempt.
//!
//! The view `series` gives the same to people in one `select`, and looks up for every point whether a
//! later attempt has repeated it. Here each attempt is one scan along the table's key ([`PointReader`]).

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use reports::series::Sample;

use super::point_reader::{AttemptSeries, PointReader, Samples, Times};
use super::{Store, StoreError};

/// One metric's points that belong to no item, by ascending step. Seconds of work never decrease; they
/// are NaN where the worker gave no time, and with [`Times::Left`]. An attempt's seconds continue from
/// the last point before it.
pub(crate) type Series = Vec<Sample>;

/// Trial or metric, series, the attempt's start in milliseconds, and its last step in effect.
type AttemptRow = (String, i64, i64, Option<i64>);

/// Passes the points of a trial's attempts, of one metric, to `take`, unless there are none.
fn read_attempts<E: From<StoreError>>(
    reader: &PointReader,
    rows: &[AttemptRow],
    take: impl FnOnce(&mut Samples) -> Result<(), E>,
) -> Result<(), E> {
    let attempts = rows.iter().map(|(_, series_id, started_ms, until)| AttemptSeries {
        series_id: *series_id,
        until: until.unwrap_or(i64::MAX),
        start: *started_ms as f64 / 1000.0,
    });
    let attempts: Vec<_> = attempts.collect();
    reader.read(&attempts, |samples| match samples.peek() {
        Some(_) => take(samples),
        None => Ok(()),
    })
}

impl Store {
    /// One metric's points by trial. Trials without any are left out.
    pub async fn series(
        &mut self,
        metric: &str,
        times: Times,
    ) -> Result<BTreeMap<TrialId, Series>, StoreError> {
        let mut all = BTreeMap::new();
        let take = |trial, samples: &mut Samples| {
            all.insert(trial, samples.collect::<Result<_, _>>()?);
            Ok::<_, StoreError>(())
        };
        self.each_series(metric, times, take).await?;
        Ok(all)
    }

    /// Passes one metric's points to `take`, trial by trial, as they are read, so that few are held at
    /// once. Trials without any are left out.
    pub(crate) async fn each_series<E: From<StoreError>>(
        &mut self,
        metric: &str,
        times: Times,
        mut take: impl FnMut(TrialId, &mut Samples) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows: Vec<AttemptRow> = self
            .fetch_all(
                sqlx::query_as(
                    "select trial.name, own.series_id, attempt.started_ms, status.effective_until
             from metric
             join attempt_series as own using (metric_id)
             join effective_attempt as status using (attempt_id)
             join attempt using (attempt_id)
             join trial on trial.trial_id = status.trial_id
             where metric.name = ? and own.item = ''
             order by trial.name, status.number",
                )
                .bind(metric),
            )
            .await?;
        let reader = PointReader::new(self, times).await?;
        for of_trial in rows.chunk_by(|a, b| a.0 == b.0) {
            let take = |samples: &mut Samples| take(TrialId(of_trial[0].0.clone()), samples);
            read_attempts(&reader, of_trial, take)?;
        }
        Ok(())
    }

    /// Passes the points of every metric of one trial to `take`, metric by metric, as they are read.
    pub(crate) async fn each_series_of<E: From<StoreError>>(
        &mut self,
        trial: &TrialId,
        times: Times,
        mut take: impl FnMut(String, &mut Samples) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows: Vec<AttemptRow> = self
            .fetch_all(
                sqlx::query_as(
                    "select metric.name, own.series_id, attempt.started_ms, status.effective_until
             from trial
             join effective_attempt as status using (trial_id)
             join attempt using (attempt_id)
             join attempt_series as own using (attempt_id)
             join metric using (metric_id)
             where trial.name = ? and own.item = ''
             order by metric.name, status.number",
                )
                .bind(&trial.0),
            )
            .await?;
        let reader = PointReader::new(self, times).await?;
        for of_metric in rows.chunk_by(|a, b| a.0 == b.0) {
            let take = |samples: &mut Samples| take(of_metric[0].0.clone(), samples);
            read_attempts(&reader, of_metric, take)?;
        }
        Ok(())
    }

    /// One metric's points of one trial; none if it has none.
    pub(crate) async fn series_of(
        &mut self,
        trial: &TrialId,
        metric: &str,
    ) -> Result<Series, StoreError> {
        let rows: Vec<AttemptRow> = self
            .fetch_all(
                sqlx::query_as(
                    "select metric.name, own.series_id, attempt.started_ms, status.effective_until
             from trial
             join effective_attempt as status on status.trial_id = trial.trial_id
             join attempt on attempt.attempt_id = status.attempt_id
             join metric on metric.name = ?2
             join attempt_series as own on own.attempt_id = status.attempt_id
                and own.metric_id = metric.metric_id
                and own.item = ''
             where trial.name = ?1
             order by status.number",
                )
                .bind(&trial.0)
                .bind(metric),
            )
            .await?;
        let mut points = Vec::new();
        read_attempts(&PointReader::new(self, Times::Left).await?, &rows, |samples| {
            points = samples.collect::<Result<_, _>>()?;
            Ok::<_, StoreError>(())
        })?;
        Ok(points)
    }

    /// The metrics of one trial that have a point without an item, by name.
    pub(crate) async fn metrics_of(&mut self, trial: &TrialId) -> Result<Vec<String>, StoreError> {
        let metrics: Vec<(String,)> = self
            .fetch_all(
                sqlx::query_as(
                    "select distinct metric.name
             from trial
             join attempt using (trial_id)
             join attempt_series using (attempt_id)
             join metric using (metric_id)
             where trial.name = ? and attempt_series.item = ''
                and exists (select 1 from point where point.series_id = attempt_series.series_id)
             order by metric.name",
                )
                .bind(&trial.0),
            )
            .await?;
        Ok(metrics.into_iter().map(|(name,)| name).collect())
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

    /// Every metric that has two points or more, without an item, in one attempt of a trial that the file
    /// names.
    pub(crate) async fn metrics_with_curves(&mut self) -> Result<Vec<String>, StoreError> {
        let metrics: Vec<(String,)> = self
            .fetch_all(sqlx::query_as(
                "select metric.name
             from metric
             where exists (
                select 1 from attempt_series
                join attempt using (attempt_id)
                join trial using (trial_id)
                where attempt_series.metric_id = metric.metric_id and attempt_series.item = ''
                    and trial.position is not null
                    and exists (
                        -- No count, which would read every point.
                        select 1 from point
                        where point.series_id = attempt_series.series_id
                        limit 1 offset 1
                    )
             )
             order by metric.name",
            ))
            .await?;
        Ok(metrics.into_iter().map(|(name,)| name).collect())
    }
}
