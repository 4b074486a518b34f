//! `orch report [RUN|FILE]`: the table and figures, from the records alone.

pub(super) mod explain;
pub(super) mod mixed_builds;
pub(super) mod other_run;
pub(super) mod records;

use std::collections::BTreeMap;
use std::path::Path;

use experiments::expand::{Experiment, ResolvedTrial, Row};
use experiments::protocol::exit;
use experiments::schema::report::{Figure, Report};
use reports::records::Records;
use serde_json::{Map, Value, json};

use self::mixed_builds::MixedBuilds;
use self::other_run::OtherRun;
use self::records::Heading;
use super::{print, print_json, say};
use crate::cli::args::{self, Global};
use crate::platform::atomic_file;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::sync;

/// A run's rows would stand there twice.
#[derive(Debug, thiserror::Error)]
#[error("`--beside {0}` is given twice")]
pub(super) struct BesideError(String);

/// What to draw and under which heading.
struct Request {
    dir: RunDir,
    experiment: String,
    profile: Option<String>,
    caption: String,
    rows: Vec<Row>,
    configs: Configs,
    report: Report,
}

/// Every trial's config, by its id.
type Configs = BTreeMap<String, Map<String, Value>>;

/// Runs the verb.
pub async fn run(arguments: &args::Report, global: &Global) -> anyhow::Result<u8> {
    let mut request = request(arguments, global)?;
    let out = arguments.out.clone().unwrap_or_else(|| request.dir.report());
    let (records, trials) = collect(&mut request, arguments, global, &out).await?;
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
    let mut written = reports::write(&request.report, &records, &out)?;
    let path = out.join("provenance.json");
    atomic_file::write_json(&path, &provenance)?;
    written.files.push(path);
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": request.dir.name(),
            "files": written.files,
            "incomplete": written.incomplete,
            "problems": written.problems,
        }))?;
    } else {
        print(written.table.as_deref().unwrap_or_default())?;
        if let Some(claims) = &written.claims {
            print(&format!("\n{claims}"))?;
        }
        for problem in &written.problems {
            say(&format!("note: {problem}"));
        }
        if !global.quiet {
            say("");
            for file in &written.files {
                say(&file.display().to_string());
            }
        }
    }
    let incomplete = !written.incomplete.is_empty() && !arguments.allow_partial;
    Ok(if incomplete { exit::INCOMPLETE } else { exit::OK })
}

/// What is to be drawn, and what its trials were made with.
async fn collect(
    request: &mut Request,
    arguments: &args::Report,
    global: &Global,
    out: &Path,
) -> anyhow::Result<(Records, Map<String, Value>)> {
    let mut store = sync::for_reading(&request.dir).await?;
    let mixed_builds = MixedBuilds::of(&store.trials().await?);
    let mixed_builds = match mixed_builds {
        Some(mixed_builds) if !arguments.accept_code_change => return Err(mixed_builds.into()),
        accepted => accepted.map(|mixed_builds| mixed_builds.note()),
    };
    if let Some(table) = &mut request.report.table {
        table.notes.extend(mixed_builds);
    }
    let heading = Heading {
        experiment: &request.experiment,
        profile: request.profile.as_deref(),
        caption: &request.caption,
        rows: &request.rows,
        configs: &request.configs,
    };
    let report = &request.report;
    let mut records = records::collect(&mut store, &request.dir, &heading, report, out).await?;
    let mut trials = explain::trials(&mut store, &request.dir).await?;
    for run in &arguments.beside {
        let run = RunDir::find(&global.runs, Some(run))?;
        let side = OtherRun::read(&run, &request.report, out).await?;
        add(side, &mut request.report, &mut records, &mut trials)?;
    }
    Ok((records, trials))
}

/// Adds another run's rows.
fn add(
    side: OtherRun,
    report: &mut Report,
    records: &mut Records,
    trials: &mut Map<String, Value>,
) -> Result<(), BesideError> {
    let within = |id: &str| format!("{}/{id}", side.name);
    for variant in &side.records.variants {
        let mut row = side.row(variant);
        if records.variants.iter().any(|known| known.name == row.name) {
            return Err(BesideError(side.name));
        }
        row.run = Some(side.name.clone());
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
    trials.extend(side.trials.iter().map(|(id, trial)| (within(id), trial.clone())));
    if let Some(table) = &mut report.table {
        table.notes.extend(side.notes());
    }
    let known = std::mem::take(&mut records.metrics);
    records.metrics = side.records.metrics;
    records.metrics.extend(known);
    Ok(())
}

fn request(arguments: &args::Report, global: &Global) -> anyhow::Result<Request> {
    let is_file =
        |name: &&str| Path::new(name).extension().is_some_and(|e| e == "yaml" || e == "yml");
    if let Some(file) = arguments.of.as_deref().filter(is_file) {
        return of_file(Path::new(file), arguments.profile.as_deref(), global);
    }
    let name = match (&arguments.of, &arguments.profile) {
        (Some(name), Some(profile)) => Some(format!("{name}.{profile}")),
        (name, _) => name.clone(),
    };
    let dir = RunDir::find(&global.runs, name.as_deref())?;
    let resolved = RunSnapshot::read(&dir.experiment())?;
    let caption = resolved.with_set(&resolved.run.caption);
    Ok(Request {
        dir,
        experiment: resolved.run.experiment,
        profile: resolved.run.profile,
        caption,
        rows: resolved.run.rows,
        configs: configs(resolved.trials),
        report: resolved.run.report,
    })
}

/// The file's present report section and labels over what was recorded.
fn of_file(file: &Path, profile: Option<&str>, global: &Global) -> anyhow::Result<Request> {
    let experiment = Experiment::load(file)?;
    let dir = match profile {
        Some(profile) => {
            RunDir::find(&global.runs, Some(&format!("{}.{profile}", experiment.file.name)))?
        }
        None => RunDir::find(&global.runs, Some(&experiment.file.name))?,
    };
    let resolved = RunSnapshot::read(&dir.experiment())?;
    let run = experiment.expand(resolved.run.profile.as_deref(), &[])?;
    Ok(Request {
        dir,
        experiment: run.config.experiment,
        profile: run.config.profile,
        caption: resolved.with_set(&run.config.caption),
        rows: run.config.rows,
        configs: configs(resolved.trials),
        report: run.config.report,
    })
}

fn configs(trials: Vec<ResolvedTrial>) -> Configs {
    trials.into_iter().map(|trial| (trial.id.0, trial.config)).collect()
}
