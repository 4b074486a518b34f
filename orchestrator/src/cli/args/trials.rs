//! Arguments of the verbs that are about some of a run's trials.

use clap::Args;

use crate::cli::selector::{Selector, SelectorError};

/// Which trial, of which run.
#[derive(Debug, Args)]
pub struct Chosen {
    /// The trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between. Exactly one trial must fit.
    pub trial: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
}

/// Arguments of `orch show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The one trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between.
    pub a: Selector,
    /// The other, in the same way.
    pub b: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// The run of the other trial; the same if absent.
    pub other_run: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Goes on printing, from attempt to attempt, until the trial is done or nobody carries it on.
    #[arg(short, long)]
    pub follow: bool,
    /// Only what went to standard output.
    #[arg(long, conflicts_with = "stderr")]
    pub stdout: bool,
    /// Only what went to standard error.
    #[arg(long)]
    pub stderr: bool,
    /// This attempt, not the last one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

/// Arguments of `orch why`.
#[derive(Debug, Args)]
pub struct Why {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
}

/// Arguments of `orch stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that fit are meant. With `--all`, the run.
    #[arg(value_name = "TRIAL", required_unless_present = "all")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", conflicts_with = "all")]
    second: Option<String>,
    /// Stops everything that runs, and the supervisor; what is queued stays queued.
    #[arg(long)]
    pub all: bool,
    /// Does not wait for checkpoints: the last ones that were saved stay.
    #[arg(long)]
    pub now: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Stop {
    /// The trials that are named and the run.
    pub fn named(&self) -> Result<Named<'_>, SelectorError> {
        Named::new(self.first.as_deref(), self.second.as_deref(), self.all)
    }
}

/// Arguments of `orch retry`.
#[derive(Debug, Args)]
pub struct Retry {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that fit are meant. With `--failed`, the run.
    #[arg(value_name = "TRIAL", required_unless_present = "failed")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", conflicts_with = "failed")]
    second: Option<String>,
    /// Every trial that failed.
    #[arg(long)]
    pub failed: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Retry {
    /// The trials that are named and the run.
    pub fn named(&self) -> Result<Named<'_>, SelectorError> {
        Named::new(self.first.as_deref(), self.second.as_deref(), self.failed)
    }
}

/// What verbs that may be about several trials are about.
#[derive(Debug)]
pub struct Named<'a> {
    /// Which trials; `None` where a flag says that.
    pub trials: Option<Selector>,
    /// Which run; the last one if absent.
    pub run: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Of the words of the command line: where a flag says which trials, the first is the run.
    fn new(
        first: Option<&'a str>,
        second: Option<&'a str>,
        by_flag: bool,
    ) -> Result<Self, SelectorError> {
        let (trials, run) = if by_flag { (None, first) } else { (first, second) };
        Ok(Self { trials: trials.map(str::parse).transpose()?, run })
    }
}
