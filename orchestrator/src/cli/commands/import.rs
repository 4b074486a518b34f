//! `orch import tensorboard DIR`: makes a run of the curves of another program.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiments::expand::{self, ResolvedTrial, Row, RunConfig};
use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use experiments::schema::executor::{Executor, Slurm};
use experiments::schema::file::{Retry, Stall, is_file_name};
use experiments::schema::report::Report;
use experiments::schema::resources::Resources;
use experiments::schema::system::System;
use experiments::schema::worker::Worker;
use experiments::yaml::suggest::nearest;
use serde_json::{Map, json};

use super::error::Result;
use super::output::{print_json, print_message};
use crate::cli::args::{self, Global};
use crate::display::text::named;
use crate::interop::import::{Choice, Source};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::staging::StagedRun;
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};
use crate::store::sync;

/// The arguments do not fit the folder or the runs that exist.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportRequestError {
    /// There is no such folder, or it cannot be read.
    #[error("cannot read the folder `{}`", folder.display())]
    Folder {
        /// As it was given.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The name is taken.
    #[error("there is a run `{name}` already\n\nhint: `--name` gives this one another name")]
    Exists {
        /// The run.
        name: String,
    },
    /// The name is that of something else than a run.
    #[error(
        "`{}` is in the way: it is not a run\n\n\
         hint: move it away, or give this run another name by `--name`",
        path.display()
    )]
    InTheWay {
        /// The file or folder.
        path: PathBuf,
    },
    /// The name cannot be that of a folder.
    #[error(
        "`{name}` cannot be the name of a run or a row: use letters, digits, `-` and `_`\n\n\
         hint: `--name` names the run, `--row` the row"
    )]
    Name {
        /// The name of a run or a row.
        name: String,
    },
    /// Two folders would be the same row.
    #[error(
        "`{folder}` and another folder would both be the row `{row}`\n\n\
         hint: `--row` imports all folders as seeds of one row"
    )]
    Twice {
        /// The second of them.
        folder: String,
        /// The row's name.
        row: String,
    },
    /// No folder has the curve that `--metric` renames.
    #[error("no folder has a scalar `{tag}`{}", suggestion(suggested.as_ref()))]
    NoTag {
        /// The curve's tag.
        tag: String,
        /// The tag that is spelled most like it.
        suggested: Option<String>,
    },
}

/// A folder with curves, and the row and trial that are made of it.
struct ImportedTrial {
    source: Source,
    row: Row,
    trial: ResolvedTrial,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Import, global: &Global) -> Result<u8> {
    let args::ImportFormat::Tensorboard = arguments.format;
    let folder = std::fs::canonicalize(&arguments.folder).map_err(|source| {
        ImportRequestError::Folder { folder: arguments.folder.clone(), source }
    })?;
    let sources = Source::find(&folder)?;
    let choice = Choice {
        metrics: arguments.metrics.iter().cloned().collect(),
        last_is_final: arguments.last,
    };
    for tag in choice.metrics.keys() {
        check_tag(tag, &sources)?;
    }
    for source in &sources {
        source.metrics(&choice)?;
    }
    let name = arguments.name.clone().unwrap_or_else(|| plain(&name_of(&folder)));
    let dir = RunDir::new(&global.runs, checked(&name)?);
    let others: BTreeSet<_> = sources.iter().flat_map(|source| source.others.clone()).collect();
    let imported = plan_trials(sources, &folder, arguments.row.as_deref(), &choice)?;

    if dir.path().exists() {
        return Err(name_taken(&dir).into());
    }
    let staged = StagedRun::create(dir.clone())?;
    for ImportedTrial { source, trial, .. } in &imported {
        source.copy(&staged.dir().attempt(&trial.id, 1), &choice)?;
    }
    let resolved = resolved(&name, &folder, &imported);
    let resolved_hash = resolved.write(&staged.dir().resolved())?;
    write_journal(staged.dir(), resolved_hash, &imported)?;
    // From here on there is a run.
    let dir = staged.publish()?.ok_or_else(|| name_taken(&dir))?;
    sync::for_reading(&dir).await?;

    let ids: Vec<_> = imported.iter().map(|imported| &imported.trial.id).collect();
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": name,
            "trials": ids,
            "skipped": others,
        }))?;
    } else if !global.quiet {
        let from = folder.display();
        print_message(&format!(
            "imported the scalars in `{from}` as the run `{name}`, one trial per folder:"
        ));
        for id in ids {
            print_message(&format!("  {id}"));
        }
        if !others.is_empty() {
            print_message(&format!(
                "skipped, without scalars: {}",
                named(others.iter().map(String::as_str))
            ));
        }
        print_message(&format!(
            "`orch report RUN --beside {name}` draws them beside another run's"
        ));
    }
    Ok(exit::OK)
}

fn name_taken(dir: &RunDir) -> ImportRequestError {
    if dir.journal().is_file() {
        ImportRequestError::Exists { name: dir.name() }
    } else {
        ImportRequestError::InTheWay { path: dir.path().to_owned() }
    }
}

fn suggestion(suggested: Option<&String>) -> String {
    suggested.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

fn check_tag(tag: &str, sources: &[Source]) -> Result<(), ImportRequestError> {
    let tags: BTreeSet<&str> =
        sources.iter().flat_map(|source| &source.tags).map(String::as_str).collect();
    if tags.contains(tag) {
        return Ok(());
    }
    let suggested = nearest(tag, tags).map(str::to_owned);
    Err(ImportRequestError::NoTag { tag: tag.to_owned(), suggested })
}

/// A trial for each source: of a row of its own, or a seed of `row`.
fn plan_trials(
    sources: Vec<Source>,
    folder: &Path,
    row: Option<&str>,
    choice: &Choice,
) -> Result<Vec<ImportedTrial>, ImportRequestError> {
    let mut names = BTreeSet::new();
    let mut imported = Vec::new();
    for (number, source) in (0..).zip(sources) {
        let title = match source.name.to_string_lossy() {
            own if own.is_empty() => name_of(folder),
            below => below.into_owned(),
        };
        let seed = if row.is_some() { number } else { 0 };
        let name = row.map_or_else(|| plain(&title), str::to_owned);
        if !names.insert((checked(&name)?.to_owned(), seed)) {
            return Err(ImportRequestError::Twice { folder: title, row: name });
        }
        let key = source.key(&name, seed, choice);
        let label = format!("{}, imported", row.unwrap_or(&title));
        let trial = ResolvedTrial {
            id: TrialId::new(&name, seed, &key),
            key,
            variant: name.clone(),
            seed,
            config: Map::new(),
            weight: expand::Weight::default(),
            build: None,
            data: None,
        };
        imported.push(ImportedTrial {
            source,
            row: Row { name, label, deterministic: false },
            trial,
        });
    }
    Ok(imported)
}

/// A folder's name.
fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `name` with a dash for every character that names cannot have.
fn plain(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "-")
}

fn checked(name: &str) -> Result<&str, ImportRequestError> {
    if is_file_name(name) {
        Ok(name)
    } else {
        Err(ImportRequestError::Name { name: name.to_owned() })
    }
}

/// The snapshot of a run without an experiment file: it has no worker and no report.
fn resolved(name: &str, folder: &Path, imported: &[ImportedTrial]) -> RunSnapshot {
    let on = clock::to_rfc3339(clock::now_ms());
    let from = folder.display();
    RunSnapshot {
        version: snapshot::VERSION,
        command: Vec::new(),
        file: None,
        file_hash: String::new(),
        only: Vec::new(),
        until_resolved: false,
        trials: imported.iter().map(|imported| Arc::new(imported.trial.clone())).collect(),
        run: RunConfig {
            experiment: name.to_owned(),
            description: String::new(),
            profile: None,
            caption: format!(
                "Run elsewhere; imported from TensorBoard's files in `{from}` on {on}."
            ),
            set: Vec::new(),
            folder: folder.to_owned(),
            worker: Worker::default(),
            resources: Resources::default(),
            executor: Executor::default(),
            slurm: Slurm::default(),
            retry: Retry::default(),
            stall: Stall::default(),
            system: System::default(),
            keep: None,
            notify: Vec::new(),
            rows: rows(imported),
            report: Report::default(),
        },
    }
}

/// The rows, each once.
fn rows(imported: &[ImportedTrial]) -> Vec<Row> {
    let mut rows: Vec<_> = imported.iter().map(|imported| imported.row.clone()).collect();
    rows.dedup();
    rows
}

fn write_journal(dir: &RunDir, resolved_hash: String, imported: &[ImportedTrial]) -> Result<()> {
    let mut journal = Journal::open(&dir.journal())?;
    journal.write(Entry::Planned(Planned {
        file_hash: String::new(),
        resolved_hash,
        rows: rows(imported),
        trials: imported.iter().map(|imported| JournaledTrial::from(&imported.trial)).collect(),
        ..Planned::default()
    }))?;
    for ImportedTrial { source, trial, .. } in imported {
        let (trial, started_ms): (TrialId, _) = (trial.id.clone(), source.start_ms());
        let seal = AttemptSeal::new(&dir.attempt(&trial, 1), None);
        journal.write(Entry::Imported { trial, started_ms, seal })?;
    }
    Ok(journal.sync()?)
}
