//! Arguments of the verbs that take records out of runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `orch report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The run (`table1.demo`, or `table1` for its latest profile; the last one if absent), or an
    /// experiment file, whose present report section and labels are used.
    #[arg(value_name = "RUN|FILE")]
    pub of: Option<String>,
    /// Profile, with a FILE; its latest run if absent.
    #[arg(short, long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Draws results of different builds of the worker, or made before the data changed, in one
    /// table, and says so below it.
    #[arg(long)]
    pub accept_code_change: bool,
    /// Takes a table of which trials are missing for good; its cells are marked all the same.
    #[arg(long)]
    pub allow_partial: bool,
    /// Draws this run's rows beside those of the report's own, in its table and its figures; claims
    /// are not judged by them. May be given several times.
    #[arg(long, value_name = "RUN")]
    pub beside: Vec<String>,
    /// Shows what stands behind one number, and draws nothing: its trials and their attempts, keys,
    /// builds, commits, devices and logs. `provenance.json` in the report has it for all.
    #[arg(long, value_name = "VARIANT.METRIC", conflicts_with_all = ["out", "allow_partial"])]
    pub explain: Option<String>,
    /// Folder for the report; `report` in the run's folder if absent.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

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
    /// One file of columns, which pandas, Polars and R's arrow read.
    Parquet,
    /// A folder of event files, which `tensorboard --logdir PATH` opens; a folder for each trial.
    Tensorboard,
}

/// Arguments of `orch import`.
#[derive(Debug, Args)]
pub struct Import {
    /// What left them.
    pub format: ImportFormat,
    /// The folder to search.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Name of the run; the folder's if absent.
    #[arg(long)]
    pub name: Option<String>,
    /// Takes the folders, in the order of their names, for seeds 0, 1, 2… of this one row.
    #[arg(long, value_name = "NAME")]
    pub row: Option<String>,
    /// Calls what has this tag by another name, for example that of another run's metric. May be given
    /// several times; other tags are metrics as they are.
    #[arg(long = "metric", value_name = "TAG=METRIC", value_parser = renaming)]
    pub metrics: Vec<(String, String)>,
    /// Takes each curve's last value for a final value, so that tables have it.
    #[arg(long)]
    pub last: bool,
    /// Prints one JSON object that says what was imported.
    #[arg(long)]
    pub json: bool,
}

/// What curves are imported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// TensorBoard's event files: scalars, by whichever program.
    Tensorboard,
}

fn renaming(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('=').filter(|(tag, metric)| !tag.is_empty() && !metric.is_empty());
    let (tag, metric) = parts.ok_or("write TAG=METRIC")?;
    Ok((tag.to_owned(), metric.to_owned()))
}

/// Arguments of `orch compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The runs: `table1.demo`, or `table1` for its latest profile. The first one's file says which
    /// columns there are.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub names: Vec<String>,
    /// What the table is printed as.
    #[arg(short, long, default_value = "text")]
    pub format: TableFormat,
}

/// What a table is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Aligned columns.
    Text,
    /// Markdown.
    Markdown,
    /// A LaTeX table with booktabs.
    Latex,
    /// A line for each row, unscaled and at full precision.
    Csv,
    /// One JSON object, with every seed's value.
    Json,
}
