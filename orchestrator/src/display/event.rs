//! The events of a run, which its supervisor reports as they happen.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;

use super::progress::Progress;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::StopMode;
use crate::scheduler::{SameFailure, State};
use crate::slots::Unavailable;
use crate::store::SkippedLines;

/// An event of a run that may interest a person.
#[derive(Debug, Clone, Copy)]
pub enum RunEvent<'a> {
    /// A trial has gone from one state to another.
    TrialChanged {
        /// The run that it belongs to.
        run: &'a RunDir,
        /// The trial.
        trial: &'a TrialId,
        /// Its state before.
        from: &'a State,
        /// Its state from now on.
        to: &'a State,
    },
    /// A trial has stalled.
    TrialStalled {
        /// The trial.
        trial: &'a TrialId,
        /// The time since its last event or output.
        silent: Duration,
    },
    /// Lines of an attempt were skipped, which others of its run may have as well.
    LinesSkipped(&'a SkippedLines),
    /// Resources for the next trial are missing on this machine.
    ResourcesUnavailable(&'a Unavailable),
    /// The next trial cannot be started, for a reason other than missing resources.
    CannotStart(&'a str),
    /// The run stops on request.
    Stopping(StopMode),
    /// The run stops, because as many trials have failed as `--max-fails` allows.
    TooManyFailures,
    /// The run ends, because its first trials failed the same way before their first event.
    SameFailure {
        /// The run.
        run: &'a RunDir,
        /// Those trials and how they failed.
        failure: &'a SameFailure,
        /// The number of other trials that wait.
        others: usize,
    },
}

/// A trial as a display sees it.
#[derive(Debug, Clone, Copy)]
pub struct TrialView<'a> {
    /// The trial.
    pub id: &'a TrialId,
    /// Its present state.
    pub state: &'a State,
    /// Its variant's name.
    pub variant: &'a str,
    /// Its expected duration relative to other trials, by the file.
    pub cost: f64,
    /// Seconds in all its attempts so far; `None` if unknown.
    pub spent: Option<f64>,
    /// True if the run takes it to its end.
    pub is_to_run: bool,
}

/// A receiver of a run's events.
pub trait Reporter: fmt::Debug {
    /// Takes in one event.
    fn report(&mut self, event: RunEvent<'_>);

    /// Takes in the trials that are worth showing, in the file's order, and the progress of those that
    /// have reported some. Called several times a second.
    fn refresh(
        &mut self,
        trials: &mut dyn Iterator<Item = TrialView<'_>>,
        progress: &BTreeMap<TrialId, Progress>,
    );
}
