//! Arguments of the verbs that are about one or several of a run's trials.

use clap::Args;

use crate::cli::completion;
use crate::cli::selector::{Selector, SelectorError};

/// A trial and its run.
#[derive(Debug, Args)]
pub(crate) struct OneTrialArgs {
    /// The trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between. Exactly one trial must match.
    #[arg(add = completion::trials())]
    pub(crate) trial: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
}

/// Arguments of `orch show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The trial and its run.
    #[command(flatten)]
    pub(crate) target: OneTrialArgs,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The one trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between. Or a run, by its name or folder, or a bundle.
    #[arg(add = completion::trials())]
    pub(crate) a: String,
    /// The other, in the same way.
    #[arg(add = completion::trials())]
    pub(crate) b: String,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// The run of the other trial; the same if absent.
    #[arg(add = completion::run())]
    pub(crate) other_run: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Trials and their run.
#[derive(Debug, Args)]
pub(crate) struct TrialsArgs {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. Of several that match, those with the same cause are shown once.
    #[arg(add = completion::trials())]
    pub(crate) trial: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
}

/// Arguments of `orch logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The trials and their run.
    #[command(flatten)]
    pub(crate) target: TrialsArgs,
    /// Keeps printing, attempt after attempt, until the trial is done or no supervisor is running. Exactly
    /// one trial must match.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Only standard output.
    #[arg(long, conflicts_with = "stderr")]
    pub(crate) stdout: bool,
    /// Only standard error.
    #[arg(long)]
    pub(crate) stderr: bool,
    /// Only the last lines of each log, and what is appended with `--follow`.
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u32>,
    /// This attempt, not the last one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: Option<u32>,
}

/// Arguments of `orch why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these with commas
    /// between; all of the run that have not succeeded if absent. Those with the same cause are explained once.
    #[arg(add = completion::trials())]
    pub(crate) trial: Option<Selector>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
}

/// Arguments of `orch stop`.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that match are selected. With `--all`, the run.
    #[arg(value_name = "TRIAL", add = completion::trials(), required_unless_present = "all")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", add = completion::run(), conflicts_with = "all")]
    second: Option<String>,
    /// Stops all running trials and the supervisor; queued trials stay queued.
    #[arg(long)]
    pub(crate) all: bool,
    /// Does not wait for new checkpoints; the last saved ones stay.
    #[arg(long)]
    pub(crate) now: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Stop {
    /// The selected trials and the run.
    pub(crate) fn selection(&self) -> Result<Selection<'_>, SelectorError> {
        Selection::new(self.first.as_deref(), self.second.as_deref(), self.all)
    }
}

/// Arguments of `orch retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that match are selected. With `--failed`, the run.
    #[arg(value_name = "TRIAL", add = completion::trials(), required_unless_present = "failed")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", add = completion::run(), conflicts_with = "failed")]
    second: Option<String>,
    /// Every trial that failed.
    #[arg(long)]
    pub(crate) failed: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Retry {
    /// The selected trials and the run.
    pub(crate) fn selection(&self) -> Result<Selection<'_>, SelectorError> {
        Selection::new(self.first.as_deref(), self.second.as_deref(), self.failed)
    }
}

/// The trials that a verb is about, and their run.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// `None` if a flag selects them.
    pub(crate) trials: Option<Selector>,
    /// `None` for the last run.
    pub(crate) run: Option<&'a str>,
}

impl<'a> Selection<'a> {
    /// The meaning of the positional arguments: if a flag selects the trials, the first is the run.
    fn new(
        first: Option<&'a str>,
        second: Option<&'a str>,
        by_flag: bool,
    ) -> Result<Self, SelectorError> {
        let (trials, run) = if by_flag { (None, first) } else { (first, second) };
        Ok(Self { trials: trials.map(str::parse).transpose()?, run })
    }
}
