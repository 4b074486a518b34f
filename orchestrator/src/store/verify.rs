//! Checks that a database is intact, and equal to another one made from the same files.

use std::path::Path;

use experiments::protocol::trial_id::TrialId;
use sqlx::AssertSqlSafe;

use super::{Store, StoreError};

/// Differing rows of a table that are listed for each database; the others are counted.
const NAMED: usize = 3;

/// The positions up to which the files have been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    /// Bytes of the journal.
    pub(crate) journal: u64,
    /// Trial, attempt, and bytes of its events.
    pub(crate) events: Vec<(TrialId, u32, u64)>,
}

impl Store {
    /// The damage that SQLite finds in the database; none if it is intact.
    pub(crate) async fn damage(&mut self) -> Result<Vec<String>, StoreError> {
        let sql = Self::sql_error(&self.path);
        let lines: Vec<String> = sqlx::query_scalar("pragma integrity_check(5)")
            .fetch_all(&mut self.connection)
            .await
            .map_err(&sql)?;
        let mut damage: Vec<_> = lines.into_iter().filter(|line| line != "ok").collect();
        let orphans: Vec<(String, String)> = self
            .fetch_all(sqlx::query_as(
                "select \"table\", \"parent\" from pragma_foreign_key_check
             union all
             select 'point', 'attempt_series' from point
             where not exists (
                select 1 from attempt_series where attempt_series.series_id = point.series_id
             )
             limit 5",
            ))
            .await?;
        damage.extend(orphans.into_iter().map(|(table, parent)| {
            format!("a row of `{table}` refers to a missing row of `{parent}`")
        }));
        Ok(damage)
    }

    /// Attaches the database at `other` as `made`, and begins a transaction, so that from here on this
    /// one is read as it is now, beside any writer.
    pub(crate) async fn attach(&mut self, other: &Path) -> Result<(), StoreError> {
        let sql = Self::sql_error(&self.path);
        sqlx::query("attach ? as made")
            .bind(other.to_string_lossy())
            .execute(&mut self.connection)
            .await
            .map_err(&sql)?;
        sqlx::query("begin").execute(&mut self.connection).await.map(drop).map_err(&sql)
    }

    /// The positions up to which the files have been read.
    pub(crate) async fn offsets(&mut self) -> Result<Offsets, StoreError> {
        let journal = self.journal_offset().await?;
        let events: Vec<(String, u32, i64)> = self
            .fetch_all(sqlx::query_as(
                "select name, number, bytes_read from main.attempt join main.trial using (trial_id)
             order by attempt_id",
            ))
            .await?;
        let events = events.into_iter();
        let events = events.map(|(trial, number, bytes)| (TrialId(trial), number, bytes as u64));
        Ok(Offsets { journal, events: events.collect() })
    }

    /// The bytes of the journal that have been read.
    pub(crate) async fn journal_offset(&mut self) -> Result<u64, StoreError> {
        let bytes: i64 = sqlx::query_scalar("select bytes_read from main.journal")
            .fetch_one(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        Ok(bytes as u64)
    }

    /// The differences of every table from that of the attached database, by names instead of each
    /// database's own row numbers.
    pub(crate) async fn differences(&mut self) -> Result<Vec<String>, StoreError> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select name from main.sqlite_schema
             where type = 'table' and name not like 'sqlite_%' and name not like '_sqlx_%'
                and name <> 'verified_file'
             order by name",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut differences = Vec::new();
        for table in tables {
            let (own, made) = (self.rows(&table, "main").await?, self.rows(&table, "made").await?);
            for (rows, others, difference) in
                [(&own, &made, "does not follow from the files"), (&made, &own, "is missing")]
            {
                let only = format!("select * from ({rows}) except select * from ({others})");
                let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(only))
                    .fetch_all(&mut self.connection)
                    .await
                    .map_err(Self::sql_error(&self.path))?;
                let named = found.iter().take(NAMED);
                differences.extend(named.map(|row| format!("{table}: {row} {difference}")));
                let more = found.len().saturating_sub(NAMED);
                differences.extend(
                    (more > 0).then(|| format!("{table}: and {more} more rows like these")),
                );
            }
        }
        Ok(differences)
    }

    /// A query for a table's rows as JSON, with names in place of the database's own row numbers.
    async fn rows(&mut self, table: &str, database: &str) -> Result<String, StoreError> {
        let columns: Vec<String> = sqlx::query_scalar("select name from pragma_table_info(?)")
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
        let own = format!("{table}_id");
        let named = columns.iter().filter(|column| **column != own).map(|column| {
            let value = match column.as_str() {
                "trial_id" => format!(
                    "(select name from {database}.trial as t where t.trial_id = this.trial_id)"
                ),
                "metric_id" => format!(
                    "(select name from {database}.metric as m where m.metric_id = this.metric_id)"
                ),
                "attempt_id" => format!(
                    "(select name || ' attempt ' || number from {database}.attempt as a
                      join {database}.trial using (trial_id)
                      where a.attempt_id = this.attempt_id)"
                ),
                "series_id" => format!(
                    "(select t.name || ' attempt ' || number || ' ' || m.name
                        || iif(item = '', '', ' of ' || item)
                      from {database}.attempt_series as s
                      join {database}.attempt using (attempt_id)
                      join {database}.trial as t using (trial_id)
                      join {database}.metric as m using (metric_id)
                      where s.series_id = this.series_id)"
                ),
                // Of the printed forms of a number, only this one is different for every number.
                column => format!(
                    "iif(typeof(this.{column}) = 'real', printf('%!.17g', this.{column}),
                         this.{column})"
                ),
            };
            format!("'{}', {value}", column.trim_end_matches("_id"))
        });
        let named: Vec<_> = named.collect();
        Ok(format!("select json_object({}) from {database}.{table} as this", named.join(", ")))
    }
}
