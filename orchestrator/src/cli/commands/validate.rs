//! `orch validate FILE`: every mistake of an experiment file, with its line.

use experiments::protocol::exit;
use experiments::yaml::source::Finding;
use serde_json::{Value, json};

use super::error::{Result, VerbError};
use super::output::{print_json, print_message};
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};

/// Runs the verb.
pub(super) fn run(arguments: &args::Validate, global: &Global) -> Result<u8> {
    let args::Validate { file, profile, json } = arguments;
    let run = args::Run { file: file.clone(), profile: profile.clone(), ..args::Run::default() };
    match (ValidatedRun::new(&run, None, global), json) {
        (Ok(validated), true) => {
            let warnings = validated.run.warnings.iter();
            print_findings(
                &warnings.map(|each| of_file("warning", each)).collect::<Vec<_>>(),
                exit::OK,
            )
        }
        (Ok(validated), false) => {
            if !global.quiet {
                let (trials, rows) = (validated.trials.len(), validated.run.config.rows.len());
                let name = validated.run.name();
                print_message(&format!("{name}: {trials} trials of {rows} variants, no mistakes"));
            }
            Ok(exit::OK)
        }
        (Err(error), true) => print_findings(&mistakes(&error), error.exit_code()),
        (Err(error), false) => Err(error),
    }
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
