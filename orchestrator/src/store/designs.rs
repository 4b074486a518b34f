//! The history of the claims' design: the designs that plans stated, and seeds that were added once results
//! were known.

use experiments::schema::design::Design;
use sqlx::Row;

use super::{Store, StoreError};

/// A design as a plan stated it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DesignRecord {
    /// `None` if the file had none.
    pub(crate) design: Option<Design>,
    /// The time of that plan, in milliseconds since the Unix epoch.
    pub(crate) planned_ms: i64,
    /// Trials that had succeeded by then.
    pub(crate) results: usize,
}

/// A seed of a variant that was planned once other seeds of it had results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LateSeed {
    pub(crate) variant: String,
    pub(crate) seed: u64,
}

impl Store {
    /// The designs in the order of the plans; only those that changed it.
    pub(crate) async fn designs(&mut self) -> Result<Vec<DesignRecord>, StoreError> {
        let rows = sqlx::query("select design, planned_ms, results from design order by design_id")
            .fetch_all(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        let record = |row: &sqlx::sqlite::SqliteRow| {
            let design: Option<String> = row.get("design");
            let design = design.map(|json| self.decode(&json, || "a design".to_owned()));
            Ok(DesignRecord {
                design: design.transpose()?,
                planned_ms: row.get("planned_ms"),
                results: row.get::<i64, _>("results") as usize,
            })
        };
        rows.iter().map(record).collect()
    }

    /// The seeds that were added once others of their variant had results, and that have one by now.
    pub(crate) async fn late_seeds(&mut self) -> Result<Vec<LateSeed>, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select variant, seed from trial
             where planned_after > 0 and position is not null and state = 'succeeded' order by position",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let late = rows.into_iter();
        Ok(late.map(|(variant, seed)| LateSeed { variant, seed: seed as u64 }).collect())
    }
}
