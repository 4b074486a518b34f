//! `orch query SELECT [RUN]`: prints the rows of a `select` over the records.

use std::io::{self, BufWriter, IsTerminal, Write};

use experiments::protocol::exit;
use futures_util::TryStreamExt;
use reports::table::{record, text_field};
use serde_json::{Map, Value};

use super::damage::open_records;
use super::error::{Result, VerbError};
use super::output::escaped;
use crate::cli::args::{self, Global, RowFormat};
use crate::display::text::{columns, harmless};
use crate::run_dir::RunDir;
use crate::store::{Cell, QueryError, Rows};

/// Rows that are aligned with each other, and held in memory.
const ALIGNED: usize = 1000;

/// A `select` whose rows cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectError {
    /// The database refuses it.
    #[error(
        "{reason}\n\nhint: the views are `series` (trial, variant, seed, metric, item, step, value, time, \
         attempt) and `final` (trial, variant, seed, state, metric, value); see `orch query --help`"
    )]
    RejectedAttempt {
        /// The database's message.
        reason: String,
    },
    /// Two columns would be the same key of a JSON object.
    #[error(
        "two columns are named `{name}`\n\nhint: rename one with `as`, or use another `--format`"
    )]
    SameName {
        /// The name of both columns.
        name: String,
    },
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Query, global: &Global) -> Result<u8> {
    let (select, run) = arguments.select_and_run();
    let dir = RunDir::find(&global.runs, run)?;
    let mut store = open_records(&dir).await?;
    let (names, rows) = store.query(select).await.map_err(refused)?;
    let stdout = io::stdout();
    let usual = if stdout.is_terminal() { RowFormat::Table } else { RowFormat::Csv };
    let out = BufWriter::new(stdout.lock());
    let printed = match arguments.format.unwrap_or(usual) {
        RowFormat::Table => table(&names, rows, out).await,
        RowFormat::Csv => csv(&names, rows, out).await,
        RowFormat::Json => json(&names, rows, out).await,
    };
    match printed {
        Err(error) if error.is_closed_pipe() => Ok(exit::OK),
        printed => printed.map(|()| exit::OK),
    }
}

fn refused(error: QueryError) -> VerbError {
    match error {
        QueryError::Store(error) => error.into(),
        error => SelectError::RejectedAttempt { reason: error.to_string() }.into(),
    }
}

async fn table(names: &[String], mut rows: Rows<'_>, mut out: impl Write) -> Result<()> {
    let mut block = vec![names.to_vec()];
    let mut print = |block: &[Vec<String>]| writeln!(out, "{}", columns(block).join("\n"));
    while let Some(row) = rows.try_next().await.map_err(refused)? {
        if block.len() > ALIGNED {
            print(&block)?;
            block.truncate(1);
        }
        block.push(row.into_iter().map(|cell| text(cell, "NULL")).collect());
    }
    print(&block)?;
    Ok(out.flush()?)
}

async fn csv(names: &[String], mut rows: Rows<'_>, mut out: impl Write) -> Result<()> {
    let names: Vec<_> = names.iter().map(|name| text_field(name).into_owned()).collect();
    out.write_all(harmless(&record(&names)).as_bytes())?;
    while let Some(row) = rows.try_next().await.map_err(refused)? {
        let fields: Vec<_> = row.into_iter().map(field).collect();
        out.write_all(harmless(&record(&fields)).as_bytes())?;
    }
    Ok(out.flush()?)
}

async fn json(names: &[String], mut rows: Rows<'_>, mut out: impl Write) -> Result<()> {
    let twice = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name));
    if let Some((_, name)) = twice {
        return Err(SelectError::SameName { name: name.clone() }.into());
    }
    write!(out, "{{\"schema\": 1, \"rows\": [")?;
    let mut separator = "\n";
    while let Some(row) = rows.try_next().await.map_err(refused)? {
        let row: Map<_, _> = names.iter().cloned().zip(row.into_iter().map(value)).collect();
        let row = serde_json::to_string(&row)?;
        write!(out, "{separator}{}", escaped(&row))?;
        separator = ",\n";
    }
    writeln!(out, "\n]}}")?;
    Ok(out.flush()?)
}

fn field(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text_field(&text).into_owned(),
        other => text(other, ""),
    }
}

fn text(cell: Cell, null: &str) -> String {
    match cell {
        Cell::Null => null.to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text,
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => number.into(),
        // JSON has no infinity; spelled as in docs/events.md.
        Cell::Real(f64::INFINITY) => "Infinity".into(),
        Cell::Real(f64::NEG_INFINITY) => "-Infinity".into(),
        Cell::Real(number) => number.into(),
        Cell::Text(text) => text.into(),
    }
}
