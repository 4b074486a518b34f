//! Completions of a shell that only this program knows: runs, trials, variants and profiles.
//!
//! The shell calls `orch` with the words so far; whatever is wrong with a file or a record, there is nothing
//! to complete.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter};
use experiments::expand::Experiment;

use crate::cli::selector::STATES;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;

/// The variable by which a shell asks for completions.
pub(super) const VARIABLE: &str = "ORCH_COMPLETE";

/// Completes the name of a run.
pub(super) fn run() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let runs = RunDir::all(&runs_folder());
        starting_with(typed, runs.iter().map(RunDir::name))
    })
}

/// Completes a condition for trials of the last run, after a comma too.
pub(super) fn trials() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let Some(typed) = typed.to_str() else { return Vec::new() };
        let done = typed.rfind(',').map_or("", |comma| &typed[..=comma]);
        let Some(snapshot) = last_run() else { return Vec::new() };
        let mut words: Vec<String> =
            snapshot.trials.iter().map(|trial| trial.id.0.clone()).collect();
        words.extend(snapshot.run.rows.iter().map(|row| format!("variant={}", row.name)));
        let seeds: BTreeSet<u64> = snapshot.trials.iter().map(|trial| trial.seed).collect();
        words.extend(seeds.iter().map(|seed| format!("seed={seed}")));
        words.extend(STATES.iter().map(|state| format!("state={state}")));
        starting_with(OsStr::new(typed), words.into_iter().map(|word| format!("{done}{word}")))
    })
}

/// Completes the path of an experiment file.
pub(super) fn file() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::file().filter(is_yaml))
}

/// Completes the name of a run, or the path of an experiment file.
pub(super) fn run_or_file() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut candidates = run().complete(typed);
        candidates.extend(file().complete(typed));
        candidates
    })
}

/// Completes a profile of the experiment file that the command line names.
pub(super) fn profile() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let profiles = named_experiment().map(|experiment| experiment.file.profiles);
        starting_with(typed, profiles.into_iter().flatten().map(|(name, _)| name))
    })
}

/// Completes a variant of the experiment file that the command line names.
pub(super) fn variant() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let variants = named_experiment().map(|experiment| experiment.file.variants);
        starting_with(typed, variants.into_iter().flatten().map(|(name, _)| name))
    })
}

fn starting_with(typed: &OsStr, words: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words.filter(|word| word.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The words of the command line that is completed.
fn words() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// The folder of all runs, as `--runs` or the environment has it.
fn runs_folder() -> PathBuf {
    let words = words();
    let option = words.iter().position(|word| word == "--runs").and_then(|at| words.get(at + 1));
    let runs = option.cloned().or_else(|| std::env::var_os("ORCH_RUNS"));
    runs.map_or_else(|| PathBuf::from("runs"), PathBuf::from)
}

fn last_run() -> Option<RunSnapshot> {
    let dir = RunDir::find(&runs_folder(), None).ok()?;
    RunSnapshot::read(&dir.resolved()).ok()
}

fn named_experiment() -> Option<Experiment> {
    let words = words();
    let file = words.iter().map(Path::new).find(|word| is_yaml(word))?;
    Experiment::load(file).ok()
}
