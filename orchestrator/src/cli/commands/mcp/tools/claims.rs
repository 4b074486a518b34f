//! Tools that read results: tables, and the verdicts on claims.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cli::commands::mcp::command_line::{Arguments, CommandLine, Refusal};
use crate::cli::commands::mcp::parameters::{ExperimentFile, Profile, RunName};

/// The run's table, with every seed's value, spread, tests and notes, from the records alone. Exit code 3 means
/// that trials or metrics are still missing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Table {
    run: Option<RunName>,
}

impl Arguments for Table {
    const VERB: &'static str = "report";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.options("--format", ["json"]).run(self.run.as_ref())
    }
}

/// The provenance of one number of the table: its trials and their attempts, builds, commits, devices and logs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Explain {
    /// The number, as `VARIANT.METRIC`.
    cell: String,
    run: Option<RunName>,
}

impl Arguments for Explain {
    const VERB: &'static str = "report";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.flag("--json").options("--explain", [&self.cell]).run(self.run.as_ref())
    }
}

/// The rows of several runs in one table, with the columns of the first one's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Compare {
    /// Two runs or more, each by its name.
    #[schemars(length(min = 2))]
    runs: Vec<RunName>,
}

impl Arguments for Compare {
    const VERB: &'static str = "compare";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        let line = line.options("--format", ["json"]);
        self.runs.iter().try_fold(line, |line, run| line.run(Some(run)))
    }
}

/// The gate for statements about results: the verdict on every claim of a run, as the run was planned, with its
/// evidence and what an open one still needs. A statement counts only if its verdict is `supported`. `open`,
/// `not-resolved` and every verdict on single checkpoints mean that it has not been shown, however the means look;
/// `notes` say if designs, claims, seeds or rows were changed once there were results, and then a verdict counts for
/// less; so it does with exit code 3, where trials or metrics are missing. A statement that is no claim of the file has
/// no verdict: add it to `report.claims` before its trials run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Claims {
    run: Option<RunName>,
}

impl Arguments for Claims {
    const VERB: &'static str = "check-claims";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        line.flag("--json").run(self.run.as_ref())
    }
}

/// Says how many seeds, or items, each claim of a file will need, by the effects and variances of a pilot run with
/// two seeds or more of each row, before the hours are spent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Plan {
    file: ExperimentFile,
    profile: Option<Profile>,
    /// The pilot run; the latest of the file if absent.
    pilot: Option<RunName>,
}

impl Arguments for Plan {
    const VERB: &'static str = "plan";

    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal> {
        let profile = self.profile.as_ref().map(|profile| &profile.0);
        let line = line.flag("--json").options("--profile", profile);
        line.run_option("--from", self.pilot.as_ref())?.file(&self.file)
    }
}
