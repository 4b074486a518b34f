//! Checks of an experiment's worker: that it fits, can be found and started, and passes its check.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use experiments::expand::Run;
use experiments::expand::command::has_names;
use experiments::schema::executor::Executor;

use super::{Finding, libtorch};
use crate::executor::slurm;
use crate::executor::worker_program;
use crate::platform::error_chain::chain;
use crate::slots::Inventory;

/// Findings about the experiment's resources and its worker, on this machine or the cluster.
pub(crate) fn worker(run: &Run, inventory: Option<&Inventory>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if run.config.executor == Executor::Slurm {
        let grace = run.config.worker.grace.0;
        findings.push(
            match slurm::test_submission(&run.config.slurm, &run.config.resources, grace) {
                Ok(()) => Finding::ok("slurm", format!("accepts the jobs of `{}`", run.name())),
                Err(error) => {
                    let advice =
                        "correct the file's `slurm` and `resources`; `sinfo` lists partitions";
                    Finding::problem("slurm", error.to_string(), advice)
                }
            },
        );
    } else if let Some(inventory) = inventory {
        findings.push(match inventory.feasible(&run.config.resources) {
            Ok(()) => Finding::ok("resources", format!("`{}` fits on this machine", run.name())),
            Err(error) => {
                let advice = "ask for less in the file's `resources`, or use another machine";
                Finding::problem("resources", error.to_string(), advice)
            }
        });
    }
    let program = &run.config.worker.command[0];
    if has_names(program) {
        // It differs from trial to trial; `orch run -n` checks every one.
        return findings;
    }
    match worker_program::find(program, &run.config.shared_directory()) {
        Ok(program) => {
            findings.push(Finding::ok("worker", program.display().to_string()));
            findings.extend(libraries(&program));
            findings.extend(run.config.worker.check.as_ref().map(|check| answers(run, check)));
        }
        Err(error) => {
            let text = error.to_string();
            let install = "build or install it, or name its path in the file's `worker`";
            let (found, advice) = text.split_once("\n\nhint: ").unwrap_or((&text, install));
            findings.push(Finding::problem("worker", found, advice));
        }
    }
    findings
}

/// Runs the worker's check for every trial.
fn answers(run: &Run, check: &[String]) -> Finding {
    let requests = run.requests();
    let replies = match worker_program::check(check, &run.config, &requests) {
        Ok(replies) => replies,
        Err(error) => {
            let advice = "run the command manually; it must exit with code 0 on empty input";
            return Finding::problem("check", chain(&error), advice);
        }
    };
    let build = replies.iter().find_map(|reply| reply.build.clone());
    let build = build.map_or("no build reported".to_owned(), |build| format!("build {build}"));
    match replies.iter().filter(|reply| !reply.problems.is_empty()).count() {
        0 => Finding::ok("check", format!("{} trials are valid; {build}", replies.len())),
        n => Finding::problem(
            "check",
            format!("{n} of {} trials have an invalid config; {build}", replies.len()),
            "`orch run FILE -n` lists the errors",
        ),
    }
}

/// The `orch-worker` that is installed beside this program or in `PATH`, if any.
pub(crate) fn installed_worker() -> Vec<Finding> {
    let Ok(program) = worker_program::find(libtorch::WORKER, Path::new(".")) else {
        return Vec::new();
    };
    let found = Finding::ok("worker", program.display().to_string());
    std::iter::once(found).chain(libraries(&program)).collect()
}

/// Fetches what the worker of `run`, or an installed `orch-worker`, lacks and what can be fetched.
pub(crate) fn fix(run: Option<&Run>) -> io::Result<()> {
    let program = match run.map(|run| &run.config) {
        Some(config) if has_names(&config.worker.command[0]) => return Ok(()),
        Some(config) => worker_program::find(&config.worker.command[0], &config.shared_directory()),
        None => worker_program::find(libtorch::WORKER, Path::new(".")),
    };
    let Ok(program) = program else { return Ok(()) };
    match missing_libraries(&program) {
        Some((_, missing)) if libtorch::is_missing(&program, &missing) => libtorch::fetch(&program),
        _ => Ok(()),
    }
}

/// The number of libraries that the dynamic loader looks for, and those that it does not find; `None` for
/// scripts and static programs.
fn missing_libraries(program: &Path) -> Option<(usize, Vec<String>)> {
    let output = Command::new("ldd").arg(program).stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let missing = text.lines().filter_map(|line| line.trim().strip_suffix(" => not found"));
    Some((text.lines().count(), missing.map(str::to_owned).collect()))
}

/// Checks that the dynamic loader finds every library.
fn libraries(program: &Path) -> Option<Finding> {
    let (count, missing) = missing_libraries(program)?;
    if missing.is_empty() {
        return Some(Finding::ok("libraries", format!("all {count} are found")));
    }
    let advice = if libtorch::is_missing(program, &missing) {
        "`orch doctor --fix` fetches libtorch from PyPI; or name the folder of yours in `LD_LIBRARY_PATH`"
    } else {
        "install them, or name their folder in `LD_LIBRARY_PATH`"
    };
    Some(Finding::problem("libraries", format!("not found: {}", missing.join(", ")), advice))
}
