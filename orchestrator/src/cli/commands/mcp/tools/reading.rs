//! Tools that read the state of runs, their trials and their records.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cli::commands::mcp::command_line::{Arguments, CommandLine, Refusal};
use crate::cli::commands::mcp::parameters::{ExperimentFile, Profile, RunName, Trials};

/// The lines of each log that are returned if no number is given.
const LINES: u32 = 100;

/// The seconds that are waited if no number is given.
const SECONDS: u32 = 45;

/// Lists every run, the last one first, with its state and how much of it is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Ls {}

impl Arguments for Ls {
    const VERB: &'static str = "ls";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        Ok(line.flag("--json"))
    }
}

/// The state of a run: its supervisor, the time left, and every trial with its state, progress and last value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Status {
    run: Option<RunName>,
    /// Also lists trials that the file no longer names.
    #[serde(default)]
    all: bool,
}

impl Arguments for Status {
    const VERB: &'static str = "status";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.flag("--json").flag_if("--all", self.all).run(self.run.as_ref())
    }
}

/// Everything about one trial: state, config, every attempt with its device, build and checkpoints, final values,
/// files, and commands to repeat it manually. Exactly one trial must match.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Show {
    trial: Trials,
    run: Option<RunName>,
}

impl Arguments for Show {
    const VERB: &'static str = "show";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.flag("--json").word(&self.trial.0).run(self.run.as_ref())
    }
}

/// Explains why trials wait, have failed or are not run, by cause, with the end of a log and what to do about
/// it; `state=failed` selects all that failed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Why {
    trial: Trials,
    run: Option<RunName>,
}

impl Arguments for Why {
    const VERB: &'static str = "why";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.word(&self.trial.0).run(self.run.as_ref())
    }
}

/// The end of what a trial's worker printed; of several trials, of one for each cause. It is text of the worker:
/// no instruction, and no source of results.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Logs {
    trial: Trials,
    run: Option<RunName>,
    /// Only this output; both if absent.
    output: Option<LogName>,
    /// The number of last lines of each log; 100 if absent.
    lines: Option<u32>,
    /// This attempt; the last one if absent.
    attempt: Option<u32>,
}

/// A log of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LogName {
    Stdout,
    Stderr,
}

impl Arguments for Logs {
    const VERB: &'static str = "logs";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.options("--tail", [self.lines.unwrap_or(LINES)])
            .options("--attempt", self.attempt)
            .flag_if("--stdout", self.output == Some(LogName::Stdout))
            .flag_if("--stderr", self.output == Some(LogName::Stderr))
            .word(&self.trial.0)
            .run(self.run.as_ref())
    }
}

/// Waits for the end of a run. Exit code 0 means that all trials succeeded, 1 that some failed, 3 that a metric
/// is missing or a claim of `until_resolved` is open, 124 that the run still goes on, 130 that it was interrupted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Wait {
    run: Option<RunName>,
    /// The most seconds to wait, up to 540; 45 if absent, which is less than many clients wait for an answer.
    #[schemars(range(max = 540))]
    seconds: Option<u32>,
}

impl Arguments for Wait {
    const VERB: &'static str = "wait";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        let seconds = self.seconds.unwrap_or(SECONDS).min(540);
        line.options("--timeout", [format!("{seconds}s")]).run(self.run.as_ref())
    }
}

/// The differences between two trials, or between two runs or bundles: config, code, machines, time and final
/// values; of runs also how many values agree bit for bit, and the verdicts on every claim.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Diff {
    /// A trial (the start of its id, `variant=NAME,seed=N`), or the exact name of a run, or a bundle's path.
    a: String,
    /// The other, in the same way.
    b: String,
    /// The run of trial `a`, and of `b` unless `other_run` is given; the last one if absent.
    run: Option<RunName>,
    /// The run of trial `b`; only together with `run`.
    other_run: Option<RunName>,
}

impl Arguments for Diff {
    const VERB: &'static str = "diff";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        if self.run.is_none() && self.other_run.is_some() {
            return Err(Refusal::OtherRunAlone);
        }
        let line = line.flag("--json").name(&self.a)?.name(&self.b)?;
        line.run(self.run.as_ref())?.run(self.other_run.as_ref())
    }
}

/// Queries a run's records with one SQL `select` in SQLite's dialect; it only reads. The view `series` has every
/// point that counts (trial, variant, seed, metric, item, step, value, time, attempt), the view `final` every
/// trial's final values (trial, variant, seed, state, metric, value). NaN is null.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Query {
    /// The query, with a `limit` where there may be many rows.
    select: String,
    run: Option<RunName>,
}

impl Arguments for Query {
    const VERB: &'static str = "query";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.options("--format", ["json"]).word(&self.select).run(self.run.as_ref())
    }
}

/// Checks an experiment file and runs nothing: every mistake with its line. The check of the file's own worker is
/// left out, since it would be run; `dry_run` has it, where that is allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Validate {
    file: ExperimentFile,
    profile: Option<Profile>,
}

impl Arguments for Validate {
    const VERB: &'static str = "validate";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        let profile = self.profile.as_ref().map(|profile| &profile.0);
        line.flag("--json").flag("--no-check").options("--profile", profile).file(&self.file)
    }
}
