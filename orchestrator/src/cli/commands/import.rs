//! `orch import tensorboard DIR`: curves of a program that was run elsewhere, as a run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use experiments::expand::{self, ResolvedTrial, Row, RunConfig};
use experiments::protocol::exit;
use experiments::schema::executor::{Executor, Slurm};
use experiments::schema::file::{Retry, Stall, Worker, is_file_name};
use experiments::schema::report::Report;
use experiments::schema::resources::{Resources, Span};
use experiments::yaml::suggest::nearest;
use serde_json::{Map, json};

use super::{print_json, say};
use crate::cli::args::{self, Global};
use crate::display::text::named;
use crate::interop::import::{Choice, Source};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};
use crate::store::sync;
use experiments::protocol::trial_id::TrialId;

/// What was asked for does not fit what is there.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportRequestError {
    /// The run would be another's.
    #[error("there is a run `{0}` already\n\nhint: `--name` gives this one another name")]
    Exists(String),
    /// No folder could have the name.
    #[error(
        "`{0}` cannot be the name of a run or a row: use letters, digits, `-` and `_`\n\n\
         hint: `--name` names the run, `--row` the row"
    )]
    Name(String),
    /// Two folders would be one row.
    #[error(
        "`{0}` and another folder would both be the row `{1}`\n\nhint: `--row` takes all for seeds"
    )]
    Twice(String, String),
    /// There is no such curve.
    #[error("no folder has a scalar `{0}`{1}")]
    NoTag(String, String),
}

/// A source and what it will be in the run.
struct Taken {
    source: Source,
    row: Row,
    trial: JournaledTrial,
}

/// Runs the verb.
pub async fn run(arguments: &args::Import, global: &Global) -> anyhow::Result<u8> {
    let args::ImportFormat::Tensorboard = arguments.format;
    let folder = fs_err::canonicalize(&arguments.folder)?;
    let sources = Source::find(&folder)?;
    let choice = Choice {
        metrics: arguments.metrics.iter().cloned().collect(),
        last_is_final: arguments.last,
    };
    for tag in choice.metrics.keys() {
        known(tag, &sources)?;
    }
    for source in &sources {
        source.metrics(&choice)?;
    }
    let name = arguments.name.clone().unwrap_or_else(|| plain(&name_of(&folder)));
    let dir = RunDir::new(&global.runs, checked(&name)?);
    let others: BTreeSet<_> = sources.iter().flat_map(|source| source.others.clone()).collect();
    let taken = take(sources, &folder, arguments.row.as_deref(), &choice)?;

    dir.create()?;
    let lock = dir.lock_for_a_moment()?;
    if dir.journal().is_file() {
        return Err(ImportRequestError::Exists(name).into());
    }
    for Taken { source, trial, .. } in &taken {
        source.copy(&dir.attempt(&trial.id, 1), &choice)?;
    }
    resolved(&name, &folder, &taken).write(&dir.experiment())?;
    // From here on there is a run.
    write_journal(&dir, &taken)?;
    sync::for_writing(&dir, &lock).await?.close().await?;

    let trials = || taken.iter().map(|taken| &taken.trial.id);
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": name,
            "trials": trials().collect::<Vec<_>>(),
            "skipped": others,
        }))?;
    } else if !global.quiet {
        let from = folder.display();
        say(&format!("the scalars in `{from}` are the run `{name}`, a trial for each folder:"));
        trials().for_each(|id| say(&format!("  {id}")));
        if !others.is_empty() {
            say(&format!("no scalars, and left out: {}", named(others.iter().map(String::as_str))));
        }
        say(&format!("`orch report RUN --beside {name}` draws them beside another run's"));
    }
    Ok(exit::OK)
}

fn known(tag: &str, sources: &[Source]) -> Result<(), ImportRequestError> {
    let tags: BTreeSet<&str> =
        sources.iter().flat_map(|source| &source.tags).map(String::as_str).collect();
    if tags.contains(tag) {
        return Ok(());
    }
    let near = nearest(tag, tags);
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    Err(ImportRequestError::NoTag(tag.to_owned(), near))
}

/// What each source will be: a row, or of `row` a seed.
fn take(
    sources: Vec<Source>,
    folder: &Path,
    row: Option<&str>,
    choice: &Choice,
) -> Result<Vec<Taken>, ImportRequestError> {
    let mut names = BTreeSet::new();
    let mut taken = Vec::new();
    for (number, source) in (0..).zip(sources) {
        let title = match source.name.to_string_lossy() {
            own if own.is_empty() => name_of(folder),
            below => below.into_owned(),
        };
        let seed = if row.is_some() { number } else { 0 };
        let name = row.map_or_else(|| plain(&title), str::to_owned);
        if !names.insert((checked(&name)?.to_owned(), seed)) {
            return Err(ImportRequestError::Twice(title, name));
        }
        let key = source.key(&name, seed, choice);
        let label = format!("{}, imported", row.unwrap_or(&title));
        let trial = JournaledTrial {
            id: TrialId::new(&name, seed, &key),
            key,
            variant: name.clone(),
            seed,
            build: None,
            data: None,
        };
        taken.push(Taken { source, row: Row { name, label }, trial });
    }
    Ok(taken)
}

/// A folder's name.
fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A name made of what names may hold.
fn plain(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "-")
}

fn checked(name: &str) -> Result<&str, ImportRequestError> {
    if is_file_name(name) { Ok(name) } else { Err(ImportRequestError::Name(name.to_owned())) }
}

/// A run that no file asked for: without a worker, and without a report of its own.
fn resolved(name: &str, folder: &Path, taken: &[Taken]) -> RunSnapshot {
    let on = clock::to_rfc3339(clock::now_ms());
    let from = folder.display();
    let trials = taken.iter().map(|Taken { trial, .. }| ResolvedTrial {
        id: trial.id.clone(),
        key: trial.key.clone(),
        variant: trial.variant.clone(),
        seed: trial.seed,
        config: Map::new(),
        weight: expand::Weight::default(),
        build: None,
        data: None,
    });
    RunSnapshot {
        version: snapshot::VERSION,
        command: Vec::new(),
        file_hash: String::new(),
        only: Vec::new(),
        trials: trials.collect(),
        run: RunConfig {
            experiment: name.to_owned(),
            profile: None,
            caption: format!(
                "Run elsewhere; imported from TensorBoard's files in `{from}` on {on}."
            ),
            set: Vec::new(),
            worker: Worker { command: Vec::new(), check: None, grace: Span(Duration::ZERO) },
            resources: Resources::default(),
            executor: Executor::default(),
            slurm: Slurm::default(),
            retry: Retry::default(),
            stall: Stall::default(),
            keep: None,
            rows: rows(taken),
            report: Report::default(),
        },
    }
}

/// The rows, each once.
fn rows(taken: &[Taken]) -> Vec<Row> {
    let mut rows: Vec<_> = taken.iter().map(|taken| taken.row.clone()).collect();
    rows.dedup();
    rows
}

fn write_journal(dir: &RunDir, taken: &[Taken]) -> anyhow::Result<()> {
    let mut journal = Journal::open(&dir.journal())?;
    journal.append(Entry::Planned(Planned {
        file_hash: String::new(),
        rows: rows(taken),
        trials: taken.iter().map(|taken| taken.trial.clone()).collect(),
    }))?;
    for Taken { source, trial, .. } in taken {
        let (trial, started_ms): (TrialId, _) = (trial.id.clone(), source.start_ms());
        journal.append(Entry::Imported { trial, started_ms })?;
    }
    Ok(())
}
