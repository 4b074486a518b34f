//! `orch compare RUN RUN…`: puts the rows of several runs in one table.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::exit;
use experiments::schema::report::{Report, Table as Spec};
use reports::comparison::Family;
use reports::records::{Records, Variant};
use reports::table::Table;

use super::error::Result;
use super::report::other_run::{OtherRun, different_code};
use super::table_format::print_table;
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;

/// The runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompareError {
    /// The first run's file has no table.
    #[error(
        "the file of `{run}` has no `report.table`\n\nhint: name a run first whose file has one"
    )]
    NoTable {
        /// The first run.
        run: String,
    },
    /// No run has a final value for any column.
    #[error(
        "no run has a final value for the table of `{run}`, which shows: {wanted}\n\nhint: \
         `orch query \"select distinct metric from final\"` lists a run's metrics"
    )]
    NoColumn {
        /// The first run.
        run: String,
        /// The metrics of its table's columns, separated by commas.
        wanted: String,
    },
    /// A run would be compared with itself.
    #[error("`{run}` is named twice")]
    Twice {
        /// The run.
        run: String,
    },
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Compare, global: &Global) -> Result<u8> {
    let dirs = arguments.names.iter().map(|run| RunDir::find(&global.runs, Some(run)));
    let dirs = dirs.collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(run) = dirs.iter().find(|run| !seen.insert(run.path())) {
        return Err(CompareError::Twice { run: run.name() }.into());
    }
    let first = RunSnapshot::read(&dirs[0].resolved())?;
    let spec =
        first.run.report.table.ok_or_else(|| CompareError::NoTable { run: dirs[0].name() })?;
    let report = Report { table: Some(spec.clone()), ..Report::default() };
    let mut runs = Vec::new();
    for run in &dirs {
        runs.push(OtherRun::read(run, &report, &run.report()).await?);
    }
    let table = table(spec, &runs)?;
    print_table(&table, arguments.format)?;
    Ok(exit::OK)
}

/// The first run's table, as far as it can be filled, with the rows of all.
fn table(mut spec: Spec, runs: &[OtherRun]) -> Result<Table, CompareError> {
    let variants = runs.iter().flat_map(|run| &run.records.variants);
    let trials = variants.flat_map(|variant| &variant.trials);
    let measured: BTreeSet<&String> = trials.flat_map(|trial| trial.results.keys()).collect();
    let wanted: Vec<_> = spec.columns.iter().map(|column| column.metric.clone()).collect();
    spec.columns.retain(|column| measured.contains(&column.metric));
    let names: Vec<_> = runs.iter().map(|run| run.name.clone()).collect();
    if spec.columns.is_empty() {
        let wanted = wanted.join(", ");
        return Err(CompareError::NoColumn { run: names[0].clone(), wanted });
    }
    spec.title = names.join(" and ");
    // The first file's notes and baseline are about its own rows.
    (spec.baseline, spec.notes) = (None, Vec::new());
    spec.paper.clear();
    spec.notes.extend(runs.iter().flat_map(OtherRun::notes));
    spec.notes.extend(different_code(&runs.iter().map(OtherRun::code).collect::<Vec<_>>()));
    let mut metrics = BTreeMap::new();
    for run in runs.iter().rev() {
        metrics.extend(run.records.metrics.clone());
    }
    let records = Records {
        experiment: names.join(" "),
        variants: rows(runs),
        metrics,
        ..Records::default()
    };
    Ok(Table::new(&spec, &records, &Family::Columns))
}

/// A row for every variant of every run; those of one name are adjacent, in the order of the runs.
fn rows(runs: &[OtherRun]) -> Vec<Variant> {
    let mut names: Vec<&str> = Vec::new();
    for variant in runs.iter().flat_map(|run| &run.records.variants) {
        if !names.contains(&variant.name.as_str()) {
            names.push(&variant.name);
        }
    }
    let mut rows = Vec::new();
    for name in names {
        for run in runs {
            let variants = run.records.variants.iter().filter(|variant| variant.name == name);
            rows.extend(variants.map(|variant| run.row(variant)));
        }
    }
    rows
}
