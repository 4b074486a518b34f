//! The metrics that an attempt has named, and its series of points.

use std::collections::{BTreeMap, HashMap};

use experiments::protocol::events::{Event, MOST_METRICS, MetricInfo};
use rusqlite::Connection;

use crate::store::direct::execute;
use crate::store::{Store, StoreError};

/// The ids of an attempt's metrics and series, by name.
pub(super) struct Names {
    attempt_id: i64,
    metrics: HashMap<String, Metric>,
    /// True once the series of items have been read: there may be thousands, and most batches have none.
    has_items: bool,
}

struct Metric {
    id: i64,
    /// The series of points without an item; `None` before the first.
    series: Option<i64>,
    of_items: HashMap<String, i64>,
}

impl Metric {
    fn new(id: i64) -> Self {
        Self { id, series: None, of_items: HashMap::new() }
    }

    fn add_series(&mut self, item: String, id: i64) {
        if item.is_empty() {
            self.series = Some(id);
        } else {
            self.of_items.insert(item, id);
        }
    }
}

impl Names {
    /// Those of an attempt that has named none.
    pub(super) fn none(attempt_id: i64) -> Self {
        Self { attempt_id, metrics: HashMap::new(), has_items: true }
    }

    /// The metrics that the attempt has named so far.
    pub(super) fn of(db: &Connection, attempt_id: i64) -> rusqlite::Result<Self> {
        let mut select = db.prepare_cached(
            "select name, metric_id from attempt_metric join metric using (metric_id)
             where attempt_id = ?",
        )?;
        let metrics: rusqlite::Result<_> = select
            .query_map([attempt_id], |row| Ok((row.get(0)?, Metric::new(row.get(1)?))))?
            .collect();
        let mut names = Self { attempt_id, metrics: metrics?, has_items: false };
        names.read_series(db, "item = ''")?;
        Ok(names)
    }

    /// Reads the ids of the series for which the condition `select` holds.
    fn read_series(&mut self, db: &Connection, select: &'static str) -> rusqlite::Result<()> {
        let mut select = db.prepare_cached(&format!(
            "select name, item, series_id from attempt_series join metric using (metric_id)
             where attempt_id = ? and {select}"
        ))?;
        let mut rows = select.query([self.attempt_id])?;
        while let Some(row) = rows.next()? {
            if let Some(metric) = self.metrics.get_mut(row.get_ref(0)?.as_str()?) {
                metric.add_series(row.get(1)?, row.get(2)?);
            }
        }
        Ok(())
    }

    /// The id of the series of a metric and an item, empty without one; `None` if it is not known here.
    pub(super) fn known_series(&self, name: &str, item: &str) -> Option<i64> {
        let metric = self.metrics.get(name)?;
        if item.is_empty() { metric.series } else { metric.of_items.get(item).copied() }
    }

    /// The id of a metric that has been added.
    pub(super) fn id(&self, name: &str) -> i64 {
        self.metrics[name].id
    }

    /// Adds the metrics that `event` names; false, and none is added, if the attempt would exceed its
    /// limit of them.
    pub(super) fn add(&mut self, db: &Connection, event: &Event) -> rusqlite::Result<bool> {
        let new: Vec<_> = named(event).filter(|name| !self.metrics.contains_key(*name)).collect();
        if self.metrics.len() + new.len() > MOST_METRICS {
            return Ok(false);
        }
        for name in new {
            let id = self.insert(db, name)?;
            self.metrics.insert(name.to_owned(), Metric::new(id));
        }
        Ok(true)
    }

    fn insert(&self, db: &Connection, name: &str) -> rusqlite::Result<i64> {
        execute(db, "insert or ignore into metric (name) values (?)", [name])?;
        let mut select = db.prepare_cached("select metric_id from metric where name = ?")?;
        let id = select.query_row([name], |row| row.get(0))?;
        execute(
            db,
            "insert into attempt_metric (attempt_id, metric_id) values (?, ?)",
            (self.attempt_id, id),
        )?;
        Ok(id)
    }

    /// The id of the series of a metric that has been added, and of an item; empty without one.
    pub(super) fn series_id(
        &mut self,
        db: &Connection,
        name: &str,
        item: &str,
    ) -> rusqlite::Result<i64> {
        if !item.is_empty() && !self.has_items {
            self.read_series(db, "item <> ''")?;
            self.has_items = true;
        }
        if let Some(id) = self.known_series(name, item) {
            return Ok(id);
        }
        let insert = "insert into attempt_series (attempt_id, metric_id, item) values (?, ?, ?)";
        execute(db, insert, (self.attempt_id, self.id(name), item))?;
        let id = db.last_insert_rowid();
        if let Some(metric) = self.metrics.get_mut(name) {
            metric.add_series(item.to_owned(), id);
        }
        Ok(id)
    }

    /// Stores the worker's description of a metric.
    pub(super) fn describe(
        &self,
        db: &Connection,
        name: &str,
        info: &MetricInfo,
    ) -> rusqlite::Result<()> {
        execute(
            db,
            "update attempt_metric set description = ?, unit = ?
             where attempt_id = ? and metric_id = ?",
            (&info.description, &info.unit, self.attempt_id, self.id(name)),
        )
        .map(drop)
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
