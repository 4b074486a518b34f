//! Arguments of the verbs that read the records of runs, or import some.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::completion;

/// Arguments of `orch report`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Report {
    /// The run (`table1.demo`, or `table1` for its latest profile; the last one if absent), or an
    /// experiment file, whose present report section and labels are used.
    #[arg(value_name = "RUN|FILE", add = completion::run_or_file())]
    pub(crate) of: Option<String>,
    /// Profile, with a FILE; its latest run if absent.
    #[arg(short, long, value_name = "NAME", add = completion::profile())]
    pub(crate) profile: Option<String>,
    /// Draws results of different builds of the worker, or made before the data changed, in one
    /// table, and says so below it.
    #[arg(long)]
    pub(crate) accept_code_change: bool,
    /// Accepts a table with missing trials; its cells are marked all the same.
    #[arg(long)]
    pub(crate) allow_partial: bool,
    /// Draws this run's rows beside those of the report's own, in its table and its figures; claims
    /// are not judged by them. May be given several times.
    #[arg(long, value_name = "RUN")]
    pub(crate) beside: Vec<String>,
    /// Prints the provenance of one number, and draws nothing: its trials and their attempts, keys,
    /// builds, commits, devices and logs. `provenance.json` in the report has that of all.
    #[arg(long, value_name = "VARIANT.METRIC", conflicts_with_all = ["out", "allow_partial"])]
    pub(crate) explain: Option<String>,
    /// Draws nothing, and compares the report that is there with one that is drawn again: the exit code is 1
    /// if a file no longer matches the records.
    #[arg(long, conflicts_with = "explain")]
    pub(crate) check: bool,
    /// Prints the table in this format, and draws nothing.
    #[arg(short, long, conflicts_with_all = ["out", "explain", "check", "json"])]
    pub(crate) format: Option<TableFormat>,
    /// Folder for the report; `report` in the run's folder if absent.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The experiment file, whose claims are planned.
    pub(crate) file: PathBuf,
    /// Profile whose report section is used; the file's first if absent.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The run whose effects and variances are taken, the pilot; the latest of the file if absent.
    #[arg(long, value_name = "RUN")]
    pub(crate) from: Option<String>,
    /// Plans by results of different builds of the worker together.
    #[arg(long)]
    pub(crate) accept_code_change: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch checklist`.
#[derive(Debug, Args)]
pub(crate) struct Checklist {
    /// The run (`table1.demo`, or `table1` for its latest profile; the last one if absent), or a bundle.
    #[arg(value_name = "RUN|BUNDLE", add = completion::run())]
    pub(crate) run: Option<String>,
    /// The venue.
    #[arg(long = "for", value_name = "VENUE")]
    pub(crate) venue: Venue,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A venue with a checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Venue {
    /// The NeurIPS paper checklist.
    Neurips,
    /// The Responsible NLP Research checklist of the ACL Rolling Review.
    Acl,
    /// The ACM's artifact review and badging.
    Acm,
}

impl Venue {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Neurips => "neurips",
            Self::Acl => "acl",
            Self::Acm => "acm",
        }
    }

    /// The name of its checklist.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Neurips => "NeurIPS paper checklist",
            Self::Acl => "Responsible NLP Research checklist (ACL Rolling Review)",
            Self::Acm => "ACM artifact review and badging",
        }
    }
}

/// Arguments of `orch check-claims`.
#[derive(Debug, Args)]
pub(crate) struct CheckClaims {
    /// The run (`table1.demo`, or `table1` for its latest profile; the last one if absent), or an
    /// experiment file, whose present report section is used.
    #[arg(value_name = "RUN|FILE")]
    pub(crate) of: Option<String>,
    /// Profile, with a FILE; its latest run if absent.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The expected verdicts: `claims.json` of an earlier report. If absent, every claim is expected to be
    /// supported.
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// Writes a badge with the number of supported claims, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) badge: Option<PathBuf>,
    /// Judges results of different builds of the worker together.
    #[arg(long)]
    pub(crate) accept_code_change: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The query, in SQLite's dialect.
    #[arg(value_name = "SELECT")]
    pub(crate) select: String,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// Format of the rows; a table on a terminal, CSV elsewhere if absent.
    #[arg(short, long)]
    pub(crate) format: Option<RowFormat>,
}

impl Query {
    /// The query and the run, in whichever order they are given: a query has spaces, and no name of a run has.
    pub(crate) fn select_and_run(&self) -> (&str, Option<&str>) {
        let has_space = |text: &str| text.trim().contains(char::is_whitespace);
        match &self.run {
            Some(select) if has_space(select) && !has_space(&self.select) => {
                (select, Some(&self.select))
            }
            run => (&self.select, run.as_deref()),
        }
    }
}

/// The format of printed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Aligned columns, with `NULL` where there is no value.
    Table,
    /// A line of names, then a line for each row, with empty fields where there is no value.
    Csv,
    /// One JSON object; its `rows` are objects by column.
    Json,
}

/// Arguments of `orch export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// Format to write.
    #[arg(short, long)]
    pub(crate) format: ExportFormat,
    /// The file to write, or for TensorBoard the folder; what it had of an earlier export is replaced.
    /// `-` is standard output, for CSV and JSON lines.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Writes the samples of CPU, memory and GPUs in place of the points, as CSV or JSON lines.
    #[arg(long)]
    pub(crate) system: bool,
    /// Prints one JSON object that lists what was written.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The format of exported points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
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
pub(crate) struct Import {
    /// Format of the curves.
    pub(crate) format: ImportFormat,
    /// The folder to search.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Name of the run; the folder's if absent.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Imports the folders, in the order of their names, as seeds 0, 1, 2… of this one row.
    #[arg(long, value_name = "NAME")]
    pub(crate) row: Option<String>,
    /// Imports the scalars with this tag under another name, for example that of another run's metric.
    /// May be given several times; other tags keep their names.
    #[arg(long = "metric", value_name = "TAG=METRIC", value_parser = renaming)]
    pub(crate) metrics: Vec<(String, String)>,
    /// Also imports each curve's last value as a final value, for tables.
    #[arg(long)]
    pub(crate) last: bool,
    /// Prints one JSON object that lists what was imported.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The format of imported curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
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
pub(crate) struct Compare {
    /// The runs: `table1.demo`, or `table1` for its latest profile. The first one's file says which
    /// columns there are.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub(crate) names: Vec<String>,
    /// Format of the table.
    #[arg(short, long, default_value = "text")]
    pub(crate) format: TableFormat,
}

/// The format of a printed table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
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
