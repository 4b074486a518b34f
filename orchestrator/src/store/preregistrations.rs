//! The history of the claims: what plans stated of them and their design, seeds that were added once results
//! were known, and trials that were run again once they had succeeded.

use experiments::schema::design::Design;
use sqlx::Row;

use super::{Store, StoreError};

/// The claims and their design as a plan stated them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Preregistration {
    /// `None` if the file had none.
    pub(crate) design: Option<Design>,
    /// Their comparisons.
    pub(crate) claims: Vec<String>,
    /// The time of that plan, in milliseconds since the Unix epoch.
    pub(crate) planned_ms: i64,
    /// Trials that had succeeded by then.
    pub(crate) results: usize,
}

impl Store {
    /// Those of the first plan, and of each that changed them.
    pub(crate) async fn preregistrations(&mut self) -> Result<Vec<Preregistration>, StoreError> {
        let select = "select design, claims, planned_ms, results from preregistration
             order by preregistration_id";
        let rows = sqlx::query(select)
            .fetch_all(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        let record = |row: &sqlx::sqlite::SqliteRow| {
            let design: Option<String> = row.get("design");
            let design = design.map(|json| self.decode(&json, || "a design".to_owned()));
            let claims: String = row.get("claims");
            Ok(Preregistration {
                design: design.transpose()?,
                claims: self.decode(&claims, || "a list of claims".to_owned())?,
                planned_ms: row.get("planned_ms"),
                results: row.get::<i64, _>("results") as usize,
            })
        };
        rows.iter().map(record).collect()
    }

    /// The variants and seeds that were added once three others of their variant or more had results, which is when a verdict is
    /// possible, and that have one by now.
    pub(crate) async fn late_seeds(&mut self) -> Result<Vec<(String, u64)>, StoreError> {
        self.row_seeds(
            "select variant, seed from trial
             where planned_after >= 3 and position is not null and state = 'succeeded' order by position",
        )
        .await
    }

    /// The variants and seeds that were run again from the beginning once they had succeeded, with the same code, or code
    /// that is not known.
    pub(crate) async fn repeated_seeds(&mut self) -> Result<Vec<(String, u64)>, StoreError> {
        self.row_seeds(
            "select distinct variant, seed from trial
             join attempt as last on last.trial_id = trial.trial_id and last.number =
                (select max(number) from attempt where attempt.trial_id = trial.trial_id)
             join attempt as earlier on earlier.trial_id = trial.trial_id
                and earlier.number < trial.first_attempt and earlier.succeeded = 1
             where position is not null and state = 'succeeded'
                and (earlier.code is null or earlier.code is last.code)
             order by position",
        )
        .await
    }

    /// Variants and seeds.
    async fn row_seeds(&mut self, select: &'static str) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = self.fetch_all(sqlx::query_as(select)).await?;
        Ok(rows.into_iter().map(|(variant, seed)| (variant, seed as u64)).collect())
    }
}
