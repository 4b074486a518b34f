//! The metrics that an attempt has named.

use std::collections::BTreeMap;

use experiments::protocol::events::{Event, MOST_METRICS, MetricInfo};
use sqlx::SqliteConnection;

use crate::store::{Store, StoreError};

/// The ids of an attempt's metrics, by name.
pub(super) struct Names {
    attempt_id: i64,
    ids: BTreeMap<String, i64>,
}

impl Names {
    /// The metrics that the attempt has named so far.
    pub(super) async fn of(
        db: &mut SqliteConnection,
        attempt_id: i64,
    ) -> Result<Self, sqlx::Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select name, metric_id from attempt_metric join metric using (metric_id)
             where attempt_id = ?",
        )
        .bind(attempt_id)
        .fetch_all(db)
        .await?;
        Ok(Self { attempt_id, ids: rows.into_iter().collect() })
    }

    /// The id of a metric that has been added.
    pub(super) fn id(&self, name: &str) -> i64 {
        self.ids[name]
    }

    /// True if the attempt stays within its limit of metrics with those that `event` names.
    pub(super) fn have_room_for(&self, event: &Event) -> bool {
        let new = named(event).filter(|name| !self.ids.contains_key(*name));
        self.ids.len() + new.count() <= MOST_METRICS
    }

    /// Adds the metrics that `event` names.
    pub(super) async fn add(
        &mut self,
        db: &mut SqliteConnection,
        event: &Event,
    ) -> Result<(), sqlx::Error> {
        for name in named(event) {
            if !self.ids.contains_key(name) {
                let id = self.insert(db, name).await?;
                self.ids.insert(name.to_owned(), id);
            }
        }
        Ok(())
    }

    async fn insert(&self, db: &mut SqliteConnection, name: &str) -> Result<i64, sqlx::Error> {
        sqlx::query("insert or ignore into metric (name) values (?)")
            .bind(name)
            .execute(&mut *db)
            .await?;
        let id = sqlx::query_scalar("select metric_id from metric where name = ?")
            .bind(name)
            .fetch_one(&mut *db)
            .await?;
        sqlx::query("insert into attempt_metric (attempt_id, metric_id) values (?, ?)")
            .bind(self.attempt_id)
            .bind(id)
            .execute(db)
            .await?;
        Ok(id)
    }

    /// Stores the worker's description of a metric.
    pub(super) async fn describe(
        &self,
        db: &mut SqliteConnection,
        name: &str,
        info: &MetricInfo,
    ) -> Result<(), sqlx::Error> {
        let statement = sqlx::query(
            "update attempt_metric set description = ?, unit = ?
             where attempt_id = ? and metric_id = ?",
        );
        let statement = statement.bind(&info.description).bind(&info.unit);
        statement.bind(self.attempt_id).bind(self.id(name)).execute(db).await.map(drop)
    }
}

/// The metrics that an event names.
fn named(event: &Event) -> impl Iterator<Item = &str> {
    let described = match event {
        Event::Hello { metrics, .. } => Some(metrics.keys()),
        _ => None,
    };
    let valued = match event {
        Event::Metrics { values, .. } | Event::Result { values } => Some(values.keys()),
        _ => None,
    };
    described.into_iter().flatten().chain(valued.into_iter().flatten()).map(String::as_str)
}

impl Store {
    /// The metrics' descriptions, each by the newest attempt that has one.
    pub(crate) async fn metrics(&mut self) -> Result<BTreeMap<String, MetricInfo>, StoreError> {
        let rows: Vec<(String, String, Option<String>)> = self
            .fetch_all(sqlx::query_as(
                "select metric.name, description, attempt_metric.unit
             from attempt_metric
             join metric using (metric_id)
             join attempt using (attempt_id)
             where description is not null
             order by started_ms, attempt_id",
            ))
            .await?;
        Ok(rows
            .into_iter()
            .map(|(name, description, unit)| (name, MetricInfo { description, unit }))
            .collect())
    }
}
