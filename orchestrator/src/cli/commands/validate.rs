//! `orch validate FILE`: every mistake of an experiment file, with its line.

use experiments::expand::{self, Experiment};
use experiments::protocol::exit;
use experiments::yaml::source::Finding;
use serde_json::{Value, json};

use super::error::{Result, VerbError};
use super::output::{print_json, print_message};
use super::validated_run::{ValidatedRun, print_warnings};
use super::worker_files;
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;

/// Runs the verb.
pub(super) fn run(arguments: &args::Validate, global: &Global) -> Result<u8> {
    match (check(arguments, global), arguments.json) {
        (Ok(valid), true) => {
            let warnings = valid.run.warnings.iter();
            print_findings(
                &warnings.map(|each| of_file("warning", each)).collect::<Vec<_>>(),
                exit::OK,
            )
        }
        (Ok(valid), false) => {
            if !global.quiet {
                let (trials, rows) = (valid.trials, valid.run.config.rows.len());
                let name = valid.run.name();
                print_message(&format!("{name}: {trials} trials of {rows} variants, no mistakes"));
            }
            Ok(exit::OK)
        }
        (Err(error), true) => print_findings(&mistakes(&error), error.exit_code()),
        (Err(error), false) => Err(error),
    }
}

/// A file without mistakes.
struct ValidFile {
    run: expand::Run,
    /// The number of its trials.
    trials: usize,
}

/// Looks for mistakes as `orch run` does; with `--no-check`, without running any program.
fn check(arguments: &args::Validate, global: &Global) -> Result<ValidFile> {
    let args::Validate { file, profile, no_check, .. } = arguments;
    if !no_check {
        let run =
            args::Run { file: file.clone(), profile: profile.clone(), ..args::Run::default() };
        let ValidatedRun { run, trials, .. } = ValidatedRun::new(&run, None, global)?;
        return Ok(ValidFile { run, trials: trials.len() });
    }
    let experiment = Experiment::load(file)?;
    let mut run = experiment.expand(profile.as_deref(), &[])?;
    print_warnings(&run, global);
    let file = std::path::absolute(file)?;
    file.parent().unwrap_or(&file).clone_into(&mut run.config.folder);
    let trials = run.resolve(run.unchecked())?;
    let dir = RunDir::new(&global.runs, &run.name());
    worker_files::check(&experiment.source, &run.config, &dir, &trials)?;
    run.check_shared_sources(&trials)?;
    Ok(ValidFile { run, trials: trials.len() })
}

/// The findings as one object; the exit code is `code`.
fn print_findings(findings: &[Value], code: u8) -> Result<u8> {
    print_json(&json!({"schema": 1, "valid": code == exit::OK, "findings": findings}))?;
    Ok(code)
}

/// Every mistake that an error is about; one that is in no file is a mistake of its own.
fn mistakes(error: &VerbError) -> Vec<Value> {
    match error.in_file() {
        Some(error) => error.findings.iter().map(|each| of_file("error", each)).collect(),
        None => vec![of_file("error", &Finding::new("", error.chain()))],
    }
}

/// A finding; lines and columns count from 1, columns in characters.
fn of_file(severity: &str, finding: &Finding) -> Value {
    let Finding { position, message, hint, excerpt } = finding;
    let excerpt = excerpt.as_ref();
    json!({
        "severity": severity,
        "position": position,
        "line": excerpt.map(|excerpt| excerpt.line),
        "column": excerpt.map(|excerpt| excerpt.column),
        "end_column": excerpt.map(|excerpt| excerpt.column + excerpt.length),
        "message": message,
        "hint": hint,
    })
}
