//! Arguments of the verbs that take records out of runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `orch query`.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct Query {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// What to look up, in SQLite's dialect.
    #[arg(value_name = "SELECT")]
    pub select: String,
    /// How the rows are printed; a table on a terminal, CSV elsewhere if absent.
    #[arg(short, long)]
    pub format: Option<RowFormat>,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// Aligned columns, with `NULL` where there is no value.
    Table,
    /// A line of names, then a line for each row, with empty fields where there is no value.
    Csv,
    /// One JSON object; its `rows` are objects by column.
    Json,
}

/// Arguments of `orch export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// What to write.
    #[arg(short, long)]
    pub format: ExportFormat,
    /// The file to write, or for TensorBoard the folder; what it had of an earlier export is replaced.
    #[arg(short, long, value_name = "PATH")]
    pub out: PathBuf,
    /// Prints one JSON object that says what was written.
    #[arg(long)]
    pub json: bool,
}

/// What points are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A line of names, then a line for each point.
    Csv,
    /// A JSON object for each point, one a line.
    Jsonl,
    /// A folder of event files, which `tensorboard --logdir PATH` opens; a folder for each trial.
    Tensorboard,
}
