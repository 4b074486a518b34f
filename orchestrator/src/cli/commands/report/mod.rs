//! `orch report [RUN|FILE]`: draws the table and figures, from the records alone.

mod claim_history;
mod default_report;
pub(super) mod drawn_again;
pub(super) mod explain;
mod left_out;
pub(super) mod mixed_builds;
mod origins;
pub(super) mod other_run;
pub(super) mod records;
mod row_seeds;
pub(super) mod so_far;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiments::expand::{Experiment, ResolvedTrial, Row, RunConfig};
use experiments::protocol::exit;
use experiments::schema::metrics::{BestStep, ResultRule};
use experiments::schema::report::{Better, Figure, Report};
use experiments::schema::worker::Worker;
use reports::Written;
use reports::metric_gaps::MetricGaps;
use reports::records::Records;
use reports::table::Table;
use serde_json::{Map, Value, json};

use self::default_report::default_report;
use self::drawn_again::Difference;
use self::left_out::LeftOut;
use self::mixed_builds::{MixedBuilds, ReportOrigins};
use self::other_run::{OtherRun, different_code};
use self::records::Heading;
use super::error::Result;
use super::metric_gaps::print_metric_gaps;
use super::output::{print, print_json, print_message};
use super::table_format::print_table;
use crate::cli::args::{self, Global, TableFormat};
use crate::cli::commands::damage::open_intact;
use crate::display::text::in_braces;
use crate::platform::atomic_file;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::{CodeFiles, Store};

/// The rows of a run would be in the report twice.
#[derive(Debug, thiserror::Error)]
#[error("`--beside {run}` is given twice")]
pub(super) struct BesideError {
    pub(super) run: String,
}

/// The file asks for no table.
#[derive(Debug, thiserror::Error)]
#[error("the file of `{run}` has no `report.table`")]
pub(super) struct NoTable {
    run: String,
}

/// The content and the heading of a report.
pub(super) struct ReportRequest {
    pub(super) dir: RunDir,
    experiment: String,
    description: String,
    /// The command line of the run.
    command: String,
    profile: Option<String>,
    caption: String,
    rows: Vec<Row>,
    configs: Configs,
    /// Of the run as it was resolved.
    worker: Worker,
    pub(super) report: Report,
}

/// Every trial's config, by its id.
type Configs = BTreeMap<String, Map<String, Value>>;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Report, global: &Global) -> Result<u8> {
    let mut request =
        ReportRequest::new(arguments.of.as_deref(), arguments.profile.as_deref(), global)?;
    let out = arguments.out.clone().unwrap_or_else(|| request.dir.report());
    let mut store = open_intact(&request.dir).await?;
    // A check leaves the report as it is.
    let again = arguments.check.then(tempfile::tempdir).transpose()?;
    let drawn_to = again.as_ref().map_or(out.as_path(), tempfile::TempDir::path);
    let mixed = if arguments.accept_code_change { Mixed::Noted } else { Mixed::Refused };
    let (mut records, mut trials) = collect(&mut request, &mut store, mixed, drawn_to).await?;
    let name = request.dir.name();
    let code = match arguments.beside[..] {
        [] => CodeFiles::new(),
        _ => store.code_files().await?,
    };
    for run in &arguments.beside {
        let run = RunDir::find(&global.runs, Some(run))?;
        let other = OtherRun::read(&run, &request.report, drawn_to).await?;
        if let Some(table) = &mut request.report.table {
            table.notes.extend(different_code(&[(&name, &code), other.code()]));
        }
        add(other, &mut request.report, &mut records, &mut trials)?;
    }
    if let Some(format) = arguments.format {
        let incomplete = print_in(format, &request, &records)? && !arguments.allow_partial;
        return Ok(if incomplete { exit::INCOMPLETE } else { exit::OK });
    }
    let provenance = explain::provenance(&request.dir, &records, &trials);
    if let Some(cell) = &arguments.explain {
        let one = explain::one(&provenance, cell)?;
        if arguments.json {
            print_json(&one)?;
        } else {
            print(&explain::text(&one))?;
        }
        return Ok(exit::OK);
    }
    let written = write(&request.report, &records, &provenance, drawn_to)?;
    let incomplete = written.is_incomplete() && !arguments.allow_partial;
    if again.is_some() {
        return check(&request.dir.name(), &out, drawn_to, arguments.json, incomplete);
    }
    print_written(&written, &request.dir, arguments.json, global)?;
    Ok(if incomplete { exit::INCOMPLETE } else { exit::OK })
}

/// Prints the table; true if the report is incomplete.
fn print_in(format: TableFormat, request: &ReportRequest, records: &Records) -> Result<bool> {
    let (table, gaps) = reports::table(&request.report, records)?;
    let table = table.ok_or_else(|| NoTable { run: request.dir.name() })?;
    print_table(&table, format)?;
    print_metric_gaps(&gaps);
    Ok(is_incomplete(Some(&table), &gaps))
}

/// True if trials of the table have not succeeded, or metrics of the report are missing.
pub(super) fn is_incomplete(table: Option<&Table>, gaps: &MetricGaps) -> bool {
    table.is_some_and(|table| !table.incomplete().is_empty()) || gaps.is_incomplete()
}

/// Prints what was drawn.
fn print_written(written: &Written, dir: &RunDir, json: bool, global: &Global) -> Result<()> {
    if json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "files": written.files,
            "incomplete": written.incomplete,
            "metric_gaps": written.metric_gaps,
            "problems": written.problems,
        }))?;
    } else {
        print(written.table.as_deref().unwrap_or_default())?;
        if let Some(claims) = &written.claims {
            print(&format!("\n{claims}"))?;
        }
        print_metric_gaps(&written.metric_gaps);
        for problem in &written.problems {
            print_message(&format!("note: {problem}"));
        }
        if !global.quiet {
            print_message("");
            for files in in_braces(&written.files) {
                print_message(&files);
            }
        }
    }
    Ok(())
}

/// Compares the report in `out` with the one that was drawn `again`. Other files in `out` are left alone.
fn check(run: &str, out: &Path, again: &Path, json: bool, incomplete: bool) -> Result<u8> {
    let (files, mut stale) = drawn_again::compare(out, again)?;
    stale.retain(|file| file.difference != Difference::Additional);
    if json {
        let named = stale.iter().map(|file| {
            json!({"file": out.join(&file.name), "missing": file.difference == Difference::Missing})
        });
        let stale: Vec<_> = named.collect();
        print_json(&json!({"schema": 1, "run": run, "files": files, "stale": stale}))?;
    } else if stale.is_empty() {
        let folder = out.display();
        print(&format!("{files} files in `{folder}` are as they are drawn from the records\n"))?;
    } else {
        for file in &stale {
            print(&format!("{}: {file}\n", out.display()))?;
        }
        print_message("hint: `orch report` draws them again");
    }
    Ok(match (stale.is_empty(), incomplete) {
        (false, _) => exit::SOME_FAILED,
        (true, true) => exit::INCOMPLETE,
        (true, false) => exit::OK,
    })
}

/// A report that was drawn.
pub(super) struct Drawn {
    pub(super) written: Written,
    /// The files of the images that its figures show.
    pub(super) images: BTreeSet<PathBuf>,
    /// The sentences below its claims, among them those below its table that are not the file's own.
    pub(super) notes: Vec<String>,
    /// True if results of different builds, code or data are in it.
    pub(super) is_mixed: bool,
}

/// Draws the report of the run's newest plan, as its records in `store` have it, into the folder `out`.
pub(super) async fn draw(
    dir: &RunDir,
    store: &mut Store,
    mixed: Mixed,
    out: &Path,
) -> Result<Drawn> {
    let mut request = ReportRequest::of_run(dir.clone())?;
    let origins = ReportOrigins::read(store).await?;
    let is_mixed = origins.mixed.is_some();
    let (records, trials) = collect_with(origins, &mut request, store, mixed, out).await?;
    let provenance = explain::provenance(dir, &records, &trials);
    let written = write(&request.report, &records, &provenance, out)?;
    let images = reports::shown_images(&request.report, &records);
    Ok(Drawn { written, images, notes: records.claim_notes, is_mixed })
}

/// Results of different builds, code or data in one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mixed {
    /// They are an error.
    Refused,
    /// They are drawn, and the table says so.
    Noted,
}

/// Writes the report with its provenance.
fn write(report: &Report, records: &Records, provenance: &Value, out: &Path) -> Result<Written> {
    let mut written = reports::write(report, records, out)?;
    let path = out.join("provenance.json");
    atomic_file::clean_up_beside(&path);
    atomic_file::write_json(&path, provenance)?;
    written.files.push(path);
    Ok(written)
}

/// The run's own records, and the provenance of its trials. `spool_folder` is as in [`records::collect`].
pub(super) async fn records_of(
    request: &mut ReportRequest,
    accept_code_change: bool,
    spool_folder: &Path,
) -> Result<Records> {
    let mut store = open_intact(&request.dir).await?;
    let mixed = if accept_code_change { Mixed::Noted } else { Mixed::Refused };
    Ok(collect(request, &mut store, mixed, spool_folder).await?.0)
}

/// The records to draw, and the provenance of their trials. `out` is the folder of a temporary file, as in
/// [`records::collect`].
pub(super) async fn collect(
    request: &mut ReportRequest,
    store: &mut Store,
    mixed: Mixed,
    out: &Path,
) -> Result<(Records, Map<String, Value>)> {
    let origins = ReportOrigins::read(store).await?;
    collect_with(origins, request, store, mixed, out).await
}

/// The same with the `origins` of the trials.
async fn collect_with(
    ReportOrigins { mixed: found, notes }: ReportOrigins,
    request: &mut ReportRequest,
    store: &mut Store,
    mixed: Mixed,
    out: &Path,
) -> Result<(Records, Map<String, Value>)> {
    let mixed_note = found.as_ref().map(MixedBuilds::note);
    if let Some(found) = found.filter(|_| mixed == Mixed::Refused) {
        return Err(found.into());
    }
    let notes = mixed_note.into_iter().chain(notes);
    let mut records = values(request, store, notes, out).await?;
    let trials = explain::trials(store, &request.dir).await?;
    records.run = origins::of_run(&request.description, request.command.clone(), &trials);
    records.origins = origins::of_trials(&trials);
    Ok((records, trials))
}

/// The records to draw without their origins; `notes` go below table and claims.
async fn values(
    request: &mut ReportRequest,
    store: &mut Store,
    notes: impl Iterator<Item = String>,
    spool_folder: &Path,
) -> Result<Records> {
    if request.report == Report::default() {
        request.report = default_report(store).await?;
    }
    let recorded = store.trials_without_origins().await?;
    let left_out = LeftOut::new(&recorded, &request.configs, &request.worker);
    let best = best_step(&request.worker);
    let notes: Vec<String> = notes.chain(best).chain(left_out.seeds).collect();
    if let Some(table) = &mut request.report.table {
        table.notes.extend(notes.iter().cloned());
    }
    let heading = Heading {
        experiment: &request.experiment,
        profile: request.profile.as_deref(),
        caption: &request.caption,
        rows: &request.rows,
        configs: &request.configs,
    };
    let report = &request.report;
    let mut records = records::collect(store, &request.dir, &heading, report, spool_folder).await?;
    // The claims may be read without the table.
    records.claim_notes = claim_history::notes(store, report).await?;
    records.claim_notes.extend(left_out.rows.into_iter().chain(notes));
    Ok(records)
}

/// A sentence on final values that are chosen from each trial's curve; `None` if they are not.
fn best_step(worker: &Worker) -> Option<String> {
    let Some(ResultRule::Best(BestStep { metric, better })) = &worker.result else { return None };
    let extreme = match better {
        Better::Higher => "highest",
        Better::Lower => "lowest",
    };
    Some(format!(
        "Final values are those of the step at which a trial's {metric} is {extreme}, unless it reported its own: \
         more steps alone make that better."
    ))
}

/// Adds another run's rows.
fn add(
    other: OtherRun,
    report: &mut Report,
    records: &mut Records,
    trials: &mut Map<String, Value>,
) -> Result<(), BesideError> {
    let within = |id: &str| format!("{}/{id}", other.name);
    for variant in &other.records.variants {
        let mut row = other.row(variant);
        if records.variants.iter().any(|known| known.name == row.name) {
            return Err(BesideError { run: other.name });
        }
        row.run = Some(other.name.clone());
        for trial in &mut row.trials {
            trial.id = within(&trial.id);
        }
        for figure in &mut report.figures {
            if let Figure::Curve(curve) = figure
                && !curve.variants.is_empty()
            {
                curve.variants.push(row.name.clone());
            }
        }
        records.variants.push(row);
    }
    trials.extend(other.trials.iter().map(|(id, trial)| (within(id), trial.clone())));
    records.origins = origins::of_trials(trials);
    if let Some(table) = &mut report.table {
        table.notes.extend(other.notes());
    }
    let known = std::mem::take(&mut records.metrics);
    records.metrics = other.records.metrics;
    records.metrics.extend(known);
    Ok(())
}

/// Says that the experiment file was edited since the run, whose report section is that of the last `orch run`.
fn note_changed_file(resolved: &RunSnapshot) {
    let Some(file) = resolved.changed_file() else { return };
    let here = std::env::current_dir().unwrap_or_default();
    let file = file.strip_prefix(here).unwrap_or(file).display();
    print_message(&format!(
        "note: `{file}` has changed since it was run, and this is by what was run; name the file in place of the run \
         for what it says now"
    ));
}

impl ReportRequest {
    /// The report of the run or the experiment file `of`, the last run if absent.
    pub(super) fn new(of: Option<&str>, profile: Option<&str>, global: &Global) -> Result<Self> {
        let is_file = |name: &&str| {
            let extension = Path::new(name).extension();
            extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
        };
        if let Some(file) = of.filter(is_file) {
            return of_file(Path::new(file), profile, global);
        }
        let name = match (of, profile) {
            (Some(name), Some(profile)) => Some(format!("{name}.{profile}")),
            (name, _) => name.map(str::to_owned),
        };
        let dir = RunDir::find(&global.runs, name.as_deref())?;
        let resolved = RunSnapshot::read(&dir.resolved())?;
        if !global.quiet {
            note_changed_file(&resolved);
        }
        Ok(Self::as_resolved(dir, resolved))
    }

    /// The report as the run was resolved.
    pub(super) fn of_run(dir: RunDir) -> Result<Self> {
        let resolved = RunSnapshot::read(&dir.resolved())?;
        Ok(Self::as_resolved(dir, resolved))
    }

    fn as_resolved(dir: RunDir, resolved: RunSnapshot) -> Self {
        Self::with(dir, resolved.run.clone(), resolved)
    }

    /// The report of the run in `dir` as `config` has it now; `resolved` is the run as it was resolved.
    pub(super) fn with(dir: RunDir, config: RunConfig, resolved: RunSnapshot) -> Self {
        Self {
            dir,
            command: resolved.command_line(),
            experiment: config.experiment,
            description: config.description,
            profile: config.profile,
            caption: resolved.with_set(&config.caption),
            rows: config.rows,
            worker: resolved.run.worker,
            configs: configs(resolved.trials),
            report: config.report,
        }
    }
}

/// A report with the file's present report section and labels.
fn of_file(file: &Path, profile: Option<&str>, global: &Global) -> Result<ReportRequest> {
    let experiment = Experiment::load(file)?;
    let copied = RunSnapshot::of_copy(file)?.and_then(|snapshot| snapshot.run.profile);
    let dir = match profile.or(copied.as_deref()) {
        Some(profile) => {
            RunDir::find(&global.runs, Some(&format!("{}.{profile}", experiment.file.name)))?
        }
        None => RunDir::find(&global.runs, Some(&experiment.file.name))?,
    };
    let resolved = RunSnapshot::read(&dir.resolved())?;
    let run = experiment.expand(resolved.run.profile.as_deref(), &[])?;
    Ok(ReportRequest::with(dir, run.config, resolved))
}

fn configs(trials: Vec<Arc<ResolvedTrial>>) -> Configs {
    let trials = trials.into_iter().map(Arc::unwrap_or_clone);
    trials.map(|trial| (trial.id.0, trial.config)).collect()
}
