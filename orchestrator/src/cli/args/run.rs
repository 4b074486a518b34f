//! Arguments of the verbs that carry a run on, or watch it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use experiments::schema::executor::Executor;

use crate::slots::ForeignProcesses;

/// Arguments of `orch run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct Run {
    /// The experiment file.
    pub file: PathBuf,
    /// Profile to run under; the file's first if absent.
    #[arg(short, long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Sets a config value, of all variants or of one. The value is YAML.
    #[arg(short, long, value_name = "[VARIANT:]KEY.PATH=VALUE")]
    pub set: Vec<String>,
    /// Runs only this variant; repeatable. The others keep what they have.
    #[arg(long, value_name = "VARIANT")]
    pub only: Vec<String>,
    /// Trials at once, at most; as many as there are CPUs and GPUs for if absent, or with Slurm as
    /// the file's `slurm.max_submit`.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Where attempts run, whatever the file says: on this machine, or as jobs of a Slurm cluster.
    #[arg(long, value_name = "NAME")]
    pub executor: Option<ExecutorName>,
    /// Also uses GPUs on which processes compute that are none of our trials'.
    #[arg(long)]
    pub allow_busy_gpus: bool,
    /// When to end before all is done.
    #[command(flatten)]
    pub fails: FailurePolicy,
    /// Returns once all has been checked and the run goes on in the background.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub detach: bool,
    /// Runs again from the beginning what another build of the worker made, or other data.
    #[arg(long)]
    pub rerun_stale: bool,
    /// Prints the plan and runs nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Prints one JSON object when all is over.
    #[arg(long)]
    pub json: bool,
}

impl Run {
    /// What to do about GPUs that others use.
    pub fn foreign_processes(&self) -> ForeignProcesses {
        if self.allow_busy_gpus { ForeignProcesses::Tolerated } else { ForeignProcesses::Avoided }
    }
}

/// An executor by its name in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExecutorName {
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

/// After how many failed trials `orch run` ends.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct FailurePolicy {
    /// Carries all other trials to their end when one has failed; this is the default.
    #[arg(long)]
    keep_going: bool,
    /// Stops when a trial has failed: the same as `--max-fails 1`.
    #[arg(long)]
    fail_fast: bool,
    /// Stops when so many trials have failed: nothing more is started, and those that run save a
    /// checkpoint and end. Running the file again goes on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_fails: Option<u32>,
}

impl FailurePolicy {
    /// The number, if there is a limit.
    pub fn limit(&self) -> Option<u32> {
        if self.fail_fast { Some(1) } else { self.max_fails }
    }
}

/// Arguments of `orch attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
}

/// Arguments of `orch wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Waits no longer than this: `90s`, `2h`, `1day`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// Arguments of `orch status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Lists every trial, however many there are, and those that the file no longer names.
    #[arg(short, long)]
    pub all: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}
