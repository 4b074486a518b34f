//! Arguments of the verbs that supervise a run, or follow it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use experiments::schema::executor::Executor;

use crate::cli::completion;
use crate::slots::ForeignProcesses;

/// Arguments of `orch run`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
#[expect(clippy::struct_field_names, reason = "`--dry-run` is the usual name")]
pub(crate) struct Run {
    /// The experiment file. The copy that a run keeps, `runs/RUN/experiment.yaml`, runs with that run's
    /// profile and `--set`, unless others are given. Of a bundle, the run goes on as it was bundled.
    #[arg(add = completion::file())]
    pub(crate) file: PathBuf,
    /// Profile to run under; the file's first if absent.
    #[arg(short, long, value_name = "NAME", add = completion::profile())]
    pub(crate) profile: Option<String>,
    /// Sets a config value, of all variants or of one. The value is YAML.
    #[arg(short, long, value_name = "[VARIANT:]KEY.PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Sets resources of every trial, in place of the file's: keys of its section `resources`, such as
    /// `gpus=0,cpus=2`.
    #[arg(long, value_name = "KEY=VALUE,…", value_delimiter = ',')]
    pub(crate) resources: Vec<String>,
    /// Runs only this variant; repeatable. The others keep what they have.
    #[arg(long, value_name = "VARIANT", add = completion::variant())]
    pub(crate) only: Vec<String>,
    /// Limit of trials that run at once; if absent, as many as CPUs and GPUs allow, or with Slurm
    /// the file's `slurm.max_submit`.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    /// Executor of attempts, instead of the file's: this machine, or jobs of a Slurm cluster.
    #[arg(long, value_name = "NAME")]
    pub(crate) executor: Option<ExecutorName>,
    /// Runs the seeds of `report.design` look by look: first those of the first look of every row, then more
    /// of the rows of claims that are still open, until each claim is resolved or no more seeds would do.
    #[arg(long, conflicts_with = "only")]
    pub(crate) until_resolved: bool,
    /// With `--until-resolved`, adds seeds only as long as the run's trials take no longer than this in all,
    /// those that have run included: `6h`, `2days`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, requires = "until_resolved")]
    pub(crate) budget: Option<Duration>,
    /// Also uses GPUs on which foreign processes compute.
    #[arg(long)]
    pub(crate) allow_busy_gpus: bool,
    /// The policy for failed trials.
    #[command(flatten)]
    pub(crate) fails: FailurePolicy,
    /// Returns once everything is checked and the run continues in the background.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) detach: bool,
    /// Runs all trials of a bundle from the beginning, without its records.
    #[arg(long)]
    pub(crate) from_scratch: bool,
    /// Runs trials again from the beginning if the worker's code, its build or their data changed since.
    #[arg(long)]
    pub(crate) rerun_stale: bool,
    /// Runs trials whose records are damaged again from the beginning.
    #[arg(long)]
    pub(crate) rerun_damaged: bool,
    /// Keeps damaged records as they are; every report says so.
    #[arg(long, conflicts_with_all = ["rerun_damaged", "dry_run", "detach"])]
    pub(crate) accept_damage: bool,
    /// Prints the plan and runs nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Prints one JSON object when the run has ended.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Run {
    /// The policy for GPUs that foreign processes use.
    pub(crate) fn foreign_processes(&self) -> ForeignProcesses {
        if self.allow_busy_gpus { ForeignProcesses::Tolerated } else { ForeignProcesses::Avoided }
    }
}

/// An executor by its name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExecutorName {
    /// On this machine.
    Local,
    /// As jobs of a Slurm cluster.
    Slurm,
}

impl From<ExecutorName> for Executor {
    fn from(name: ExecutorName) -> Self {
        match name {
            ExecutorName::Local => Self::Local,
            ExecutorName::Slurm => Self::Slurm,
        }
    }
}

/// The number of failed trials after which `orch run` ends.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub(crate) struct FailurePolicy {
    /// Runs all other trials to their end, however many have failed. By default nothing more is started
    /// once three trials, or all if they are fewer, have failed the same way before their first event.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Stops when a trial has failed: the same as `--max-fails 1`.
    #[arg(long)]
    fail_fast: bool,
    /// Stops when this many trials have failed: nothing more is started, and running trials save a
    /// checkpoint and end. Running the file again resumes them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_fails: Option<u32>,
}

impl FailurePolicy {
    /// The limit; `None` with `--keep-going`.
    pub(crate) fn limit(&self) -> Option<u32> {
        if self.fail_fast { Some(1) } else { self.max_fails }
    }
}

/// Arguments of `orch attach`.
#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
}

/// Arguments of `orch wait`.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// Waits no longer than this: `90s`, `2h`, `1day`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
}

/// Arguments of `orch status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// Lists every trial, however many there are, and those that the file no longer names.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Shows the run on the whole terminal, as it goes on: every trial, curves, the log, and the machine.
    #[arg(short, long, conflicts_with_all = ["all", "json"])]
    pub(crate) watch: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
