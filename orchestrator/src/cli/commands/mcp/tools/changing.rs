//! Tools that run what an experiment file says, or change the state of trials.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cli::commands::mcp::command_line::{Arguments, CommandLine, Refusal};
use crate::cli::commands::mcp::parameters::{ExperimentFile, Profile, RunName, Trials};

/// Runs what is missing of an experiment, in the background: what is done stays done, and what was interrupted
/// resumes. Returns once everything is checked and the run goes on by itself; follow it by `wait` and `status`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Run {
    file: ExperimentFile,
    profile: Option<Profile>,
    /// Config values as `[VARIANT:]KEY.PATH=VALUE`.
    #[serde(default)]
    set: Vec<String>,
    /// Runs only these variants; the others keep what they have.
    #[serde(default)]
    only: Vec<String>,
    /// Limit of trials that run at once; if absent, as many as the machine has room for.
    jobs: Option<u32>,
    /// Adds seeds, look by look, only where a claim of the file's design is still open, until each is resolved.
    /// The way to settle claims: it keeps one error rate over all looks.
    #[serde(default)]
    until_resolved: bool,
    /// With `until_resolved`, adds seeds only as long as all trials take no longer than this together: `6h`.
    budget: Option<String>,
    /// Runs all other trials to their end, however many have failed.
    #[serde(default)]
    keep_going: bool,
    /// Stops when this many trials have failed.
    max_fails: Option<u32>,
    /// Runs trials again from the beginning if the worker's code or their data changed since.
    #[serde(default)]
    rerun_stale: bool,
}

impl Run {
    fn add_to<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.flag("--json")
            .options("--profile", self.profile.as_ref().map(|profile| &profile.0))
            .options("--set", &self.set)
            .options("--only", &self.only)
            .options("--jobs", self.jobs)
            .flag_if("--until-resolved", self.until_resolved)
            .options("--budget", &self.budget)
            .flag_if("--keep-going", self.keep_going)
            .options("--max-fails", self.max_fails)
            .flag_if("--rerun-stale", self.rerun_stale)
            .file(&self.file)
    }
}

impl Arguments for Run {
    const VERB: &'static str = "run";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        self.add_to(line.flag("--detach"))
    }
}

/// The plan of `run` with the same arguments: which trials would start, resume or are done. Only the check of the
/// file's worker is run.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in super::super) struct DryRun(Run);

impl Arguments for DryRun {
    const VERB: &'static str = "run";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        self.0.add_to(line.flag("--dry-run"))
    }
}

/// Stops trials, or a whole run, and returns when their processes are gone. Workers save a checkpoint first. A
/// trial that was selected is cancelled: `retry` resumes it. A run that was stopped goes on by `run`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Stop {
    trial: Option<Trials>,
    /// Stops all running trials and the supervisor, in place of `trial`.
    #[serde(default)]
    all: bool,
    run: Option<RunName>,
    /// Does not wait for new checkpoints; the last saved ones stay.
    #[serde(default)]
    now: bool,
}

impl Arguments for Stop {
    const VERB: &'static str = "stop";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        let line = line.flag("--json").flag_if("--now", self.now);
        select(line, self.trial.as_ref(), "all", self.all)?.run(self.run.as_ref())
    }
}

/// Puts trials that failed or were stopped back in the queue, each from its last checkpoint. A running supervisor
/// starts them; `supervised: false` means that `run` has to be called for that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Retry {
    trial: Option<Trials>,
    /// Every trial that failed, in place of `trial`.
    #[serde(default)]
    failed: bool,
    run: Option<RunName>,
}

impl Arguments for Retry {
    const VERB: &'static str = "retry";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        select(line.flag("--json"), self.trial.as_ref(), "failed", self.failed)?
            .run(self.run.as_ref())
    }
}

/// Adds the trials, or the flag `--name` that selects them. Only one of the two is allowed: with the flag the verb
/// would take the first word for its run.
fn select<'a>(
    line: CommandLine<'a>,
    trial: Option<&Trials>,
    name: &'static str,
    is_set: bool,
) -> Result<CommandLine<'a>, Refusal> {
    match (trial, is_set) {
        (Some(trial), false) => Ok(line.word(&trial.0)),
        (None, true) => Ok(line.flag(&format!("--{name}"))),
        _ => Err(Refusal::Selection { flag: name }),
    }
}
