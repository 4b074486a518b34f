//! `orch doctor [FILE]`: finds what is wrong with this machine, and says what to do about it.

use experiments::expand::Experiment;
use experiments::protocol::exit;
use serde_json::json;

use super::error::Result;
use super::output::{print, print_json};
use crate::cli::args::{self, Global};
use crate::cli::doctor::{self, Finding, Level};

/// Runs the verb.
pub(super) async fn run(arguments: &args::Doctor, global: &Global) -> Result<u8> {
    // First: a file that cannot be read ends the verb before any check.
    let experiment = arguments.file.as_ref().map(|file| Experiment::load(file)).transpose()?;
    let profile = arguments.profile.as_deref();
    let run = experiment.as_ref().map(|it| it.expand(profile, &[])).transpose()?;

    if arguments.fix {
        doctor::fix(run.as_ref())?;
    }
    let (mut findings, inventory) = doctor::machine();
    findings.extend(match &run {
        Some(run) => doctor::worker(run, inventory.as_ref()),
        None => doctor::installed_worker(),
    });
    findings.extend(doctor::storage(&global.runs));
    findings.extend(doctor::state());
    findings.extend(doctor::records(&global.runs).await);
    findings.extend(doctor::programs());

    let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
    if arguments.json {
        print_json(&json!({"schema": 1, "problems": problems, "findings": findings}))?;
    } else {
        if global.quiet {
            findings.retain(|finding| finding.level == Level::Problem);
        }
        print(&findings.iter().map(line).collect::<String>())?;
    }
    Ok(if problems == 0 { exit::OK } else { exit::SOME_FAILED })
}

/// The level, the check, the finding, and the advice.
fn line(finding: &Finding) -> String {
    let Finding { check, level, found, advice } = finding;
    // A message of several lines, as from a worker, would break the table.
    let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
    let arrow = if advice.is_empty() { "" } else { " → " };
    format!("{:<7}  {check:<11}  {found}{arrow}{advice}\n", level.name())
}
