//! A user's own `select`, row by row.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{
    AssertSqlSafe, Column, Decode, Executor, Row, SqlSafeStr, Sqlite, Statement, TypeInfo, ValueRef,
};

use super::{Store, StoreError};

/// One value as SQLite has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// No value; of a metric, NaN.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// Text, or bytes in which what is not text is replaced.
    Text(String),
}

/// A query that is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// It is not exactly one `select`.
    #[error("{0}")]
    NotOneSelect(&'static str),
    /// SQLite rejects it.
    #[error("SQL: {0}")]
    Rejected(String),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The rows of a `select`, as they are read.
pub(crate) type Rows<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Cell>, QueryError>> + Send + 'a>>;

impl Store {
    /// The names of the columns that `select` gives, and its rows, of which only those that are being
    /// read are held in memory.
    pub(crate) async fn query(
        &mut self,
        select: &str,
    ) -> Result<(Vec<String>, Rows<'_>), QueryError> {
        check(select)?;
        let path = self.path.clone();
        let query_error = move |error: sqlx::Error| match error {
            sqlx::Error::Database(error) => QueryError::Rejected(error.message().to_owned()),
            error => StoreError::Sql { path: path.clone(), source: error.into() }.into(),
        };
        let only_reads = sqlx::query("pragma query_only = on").execute(&mut self.connection);
        only_reads.await.map_err(&query_error)?;
        let select = AssertSqlSafe(select).into_sql_str();
        let prepared = self.connection.prepare(select.clone()).await.map_err(&query_error)?;
        let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
        let rows = sqlx::query(select).fetch(&mut self.connection);
        Ok((columns, Box::pin(rows.map_ok(|row| cells(&row)).map_err(query_error))))
    }
}

/// Rejects all but exactly one statement that reads: some others (`vacuum into`, `attach`) make files
/// even on a read-only connection.
fn check(select: &str) -> Result<(), QueryError> {
    let bare = without_quoted(select);
    let bare = bare.trim().trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    let word: String = bare.chars().take_while(char::is_ascii_alphabetic).collect();
    if !["select", "with", "values", "explain"].contains(&word.to_ascii_lowercase().as_str()) {
        return Err(QueryError::NotOneSelect("only a `select` is allowed"));
    }
    if bare.contains(';') {
        return Err(QueryError::NotOneSelect(
            "only one `select` is allowed: there is a `;` within it",
        ));
    }
    Ok(())
}

/// The statement without its comments, and with nothing between its quotation marks.
fn without_quoted(statement: &str) -> String {
    let mut bare = String::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let (ends_with, kept) = match first {
            '\'' | '"' | '`' => (&rest[..1], "''"),
            '[' => ("]", "''"),
            '-' if rest.starts_with("--") => ("\n", " "),
            '/' if rest.starts_with("/*") => ("*/", " "),
            other => {
                bare.push(other);
                rest = &rest[other.len_utf8()..];
                continue;
            }
        };
        bare.push_str(kept);
        // A doubled mark within quotes ends one text and begins the next, which is the same here.
        let begins_with = if kept == " " { 2 } else { 1 };
        rest = rest[begins_with..].split_once(ends_with).map_or("", |(_, rest)| rest);
    }
    bare
}

fn cells(row: &SqliteRow) -> Vec<Cell> {
    (0..row.len())
        .map(|column| cell(row.try_get_raw(column).expect("a column that the row has")))
        .collect()
}

fn cell(value: SqliteValueRef<'_>) -> Cell {
    if value.is_null() {
        return Cell::Null;
    }
    let name = value.type_info().name().to_owned();
    match name.as_str() {
        "INTEGER" => Cell::Integer(decoded(value)),
        "REAL" => Cell::Real(decoded(value)),
        _ => Cell::Text(String::from_utf8_lossy(decoded(value)).into_owned()),
    }
}

fn decoded<'r, T: Decode<'r, Sqlite>>(value: SqliteValueRef<'r>) -> T {
    T::decode(value).expect("SQLite converts what it has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_that_reads_is_allowed() {
        for fine in [
            "select 1",
            " SELECT ';' from t where a = 'it''s; so' ; ",
            "with a as (select 1) select * from a -- it's; all",
            "/* ; */ values (1), (2);",
            "select [a;b], \"c;d\" from t",
        ] {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for other in [
            "",
            ";",
            "-- select",
            "vacuum into 'x'",
            "attach 'x' as y",
            "pragma query_only = off",
            "insert into t values (1)",
            "select 1; vacuum into 'x'",
            "select 1 -- it's\n; vacuum into 'x'",
            "select 1 /* ' */ ; attach 'x' as y",
        ] {
            assert!(check(other).is_err(), "{other}");
        }
    }
}
