//! What the core is told, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Ending, State};
use crate::run_dir::attempt::StopMode;
use experiments::protocol::trial_id::TrialId;

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A supervisor takes the run up; once, before anything else.
    Began,
    /// A holder has taken up the trial's attempt.
    HolderStarted(TrialId),
    /// The worker has saved a checkpoint at this step.
    Checkpointed(TrialId, u64),
    /// The worker has come to this step.
    Reached(TrialId, u64),
    /// The attempt is over.
    Ended(TrialId, Ending),
    /// Slots are leased for the trial that [`super::Core::next`] named.
    Leased(TrialId),
    /// There are none now, for this reason.
    Blocked(TrialId, String),
    /// Nothing has been heard of the attempt for too long.
    Stalled(TrialId),
    /// Something has been heard of the attempt.
    Recovered(TrialId),
    /// Somebody asked the run to stop.
    Interrupt(StopMode),
    /// Somebody does not want this trial to be carried on.
    Cancel(TrialId, StopMode),
    /// Somebody wants this trial to be tried again, whatever became of it before.
    Retry(TrialId),
}

/// Whether anything is heard of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Nothing was heard of it for too long.
    Stalled,
    /// Heard of again, after it had stalled.
    Recovered,
}

/// Why an attempt was asked to stop; of several reasons the later one here counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    /// Nothing was heard of it for too long.
    Stalled,
    /// The file no longer names its trial.
    Retired,
    /// The whole run was to stop.
    Interrupted,
    /// Somebody does not want the trial to be carried on.
    Cancelled,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write down that the trial goes from one state to the next.
    Record {
        /// The trial.
        trial: TrialId,
        /// Its state before.
        from: State,
        /// Its state from now on.
        to: State,
    },
    /// Write down that the attempts which the trial has had no longer count against it.
    ResetAttempts(TrialId),
    /// Write down why the attempt is about to be asked to stop.
    RecordStop(TrialId, u32, StopCause),
    /// Write down that nothing has been heard of the attempt for too long, or that this is over.
    RecordLiveness(TrialId, u32, Liveness),
    /// Start this attempt with the slots that were leased.
    Start(TrialId, u32),
    /// Ask the attempt's holder to let the worker save a checkpoint and end.
    Stop(TrialId, u32),
    /// End the attempt's processes at once.
    Kill(TrialId, u32),
}
