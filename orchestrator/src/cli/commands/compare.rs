//! `orch compare RUN RUN…`: the rows of several runs in one table.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::exit;
use experiments::schema::report::{Report, Table as Spec};
use reports::records::{Records, Variant};
use reports::table::Table;

use super::report::other_run::OtherRun;
use super::{print, print_json};
use crate::cli::args::{self, Global, TableFormat};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;

/// Runs that make no table.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    /// The first one's file does not say what to show.
    #[error(
        "the file of `{0}` asks for no table\n\nhint: name a run first whose file has `report.table`"
    )]
    NoTable(String),
    /// Nothing was measured of what it would show.
    #[error(
        "no run has a final value of what the table of `{run}` shows: {wanted}\n\nhint: \
         `orch query \"select distinct metric from final\"` says what a run has"
    )]
    NoColumn {
        /// The first run.
        run: String,
        /// The metrics of its table's columns.
        wanted: String,
    },
    /// A run would stand beside itself.
    #[error("`{0}` is named twice")]
    Twice(String),
}

/// Runs the verb.
pub async fn run(arguments: &args::Compare, global: &Global) -> anyhow::Result<u8> {
    let runs = arguments.names.iter().map(|run| RunDir::find(&global.runs, Some(run)));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(run) = runs.iter().find(|run| !seen.insert(run.path())) {
        return Err(CompareError::Twice(run.name()).into());
    }
    let first = RunSnapshot::read(&runs[0].experiment())?;
    let spec = first.run.report.table.ok_or_else(|| CompareError::NoTable(runs[0].name()))?;
    let report = Report { table: Some(spec.clone()), ..Report::default() };
    let mut sides = Vec::new();
    for run in &runs {
        sides.push(OtherRun::read(run, &report, &run.report()).await?);
    }
    let table = table(spec, &sides)?;
    match arguments.format {
        TableFormat::Text => print(&table.terminal())?,
        TableFormat::Markdown => print(&table.markdown())?,
        TableFormat::Latex => print(&table.latex())?,
        TableFormat::Csv => print(&table.csv())?,
        TableFormat::Json => {
            print_json(&serde_json::from_str::<serde_json::Value>(&table.json())?)?;
        }
    }
    Ok(exit::OK)
}

/// The first run's table, as far as it can be filled, with the rows of all.
fn table(mut spec: Spec, sides: &[OtherRun]) -> Result<Table, CompareError> {
    let variants = || sides.iter().flat_map(|side| &side.records.variants);
    let measured: BTreeSet<&String> =
        variants().flat_map(|v| &v.trials).flat_map(|trial| trial.results.keys()).collect();
    let wanted: Vec<_> = spec.columns.iter().map(|column| column.metric.clone()).collect();
    spec.columns.retain(|column| measured.contains(&column.metric));
    let names: Vec<_> = sides.iter().map(|side| side.name.clone()).collect();
    if spec.columns.is_empty() {
        let wanted = wanted.join(", ");
        return Err(CompareError::NoColumn { run: names[0].clone(), wanted });
    }
    spec.title = names.join(" and ");
    // What the file says of its own rows need not hold of the others.
    (spec.baseline, spec.notes) = (None, Vec::new());
    spec.paper.clear();
    spec.notes.extend(sides.iter().flat_map(OtherRun::notes));
    let mut metrics = BTreeMap::new();
    for side in sides.iter().rev() {
        metrics.extend(side.records.metrics.clone());
    }
    let records = Records {
        experiment: names.join(" "),
        variants: rows(sides),
        metrics,
        ..Records::default()
    };
    Ok(Table::new(&spec, &records))
}

/// A row for every variant of every run; those of one name stand together, in the order of the runs.
fn rows(sides: &[OtherRun]) -> Vec<Variant> {
    let all = sides.iter().flat_map(|side| side.records.variants.iter().map(move |v| (side, v)));
    let mut names: Vec<&str> = Vec::new();
    for (_, variant) in all.clone() {
        if !names.contains(&variant.name.as_str()) {
            names.push(&variant.name);
        }
    }
    let of_name = |name| all.clone().filter(move |(_, variant)| variant.name == name);
    names.into_iter().flat_map(of_name).map(|(side, variant)| side.row(variant)).collect()
}
