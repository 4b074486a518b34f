//! The scheduler's inputs and the actions that it returns.

use experiments::protocol::trial_id::TrialId;
use serde::{Deserialize, Serialize};

use super::{AttemptEnd, State};
use crate::run_dir::attempt::StopMode;

/// Something that happened, or a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A supervisor has started; sent once, before anything else.
    SupervisorStarted,
    /// A holder owns the trial's attempt.
    HolderStarted(TrialId),
    /// The worker has saved a checkpoint at this step.
    Checkpointed(TrialId, u64),
    /// The worker has reached this step.
    Reached(TrialId, u64),
    /// The worker has reported any other event.
    Reported(TrialId),
    /// The attempt is over.
    Ended(TrialId, AttemptEnd),
    /// Slots are leased for the trial that [`super::Scheduler::next`] returned.
    Leased(TrialId),
    /// No slots are available for it, for this reason.
    Blocked(TrialId, String),
    /// The attempt has had neither events nor output for too long.
    Stalled(TrialId),
    /// The attempt has had an event or output.
    Recovered(TrialId),
    /// A request to stop the run.
    Interrupt(StopMode),
    /// A request to stop this trial for good.
    Cancel(TrialId, StopMode),
    /// A request to try this trial again, whatever its state.
    Retry(TrialId),
}

/// A change in what an attempt's events and output show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Neither events nor output for too long.
    Stalled,
    /// Events or output again, after a stall.
    Recovered,
}

/// The cause for which a supervisor asked an attempt to stop; of several the last in this order
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    /// It stalled.
    Stalled,
    /// The file no longer has its trial.
    Retired,
    /// The whole run was to stop.
    Interrupted,
    /// The trial was cancelled.
    Cancelled,
}

/// Something that the supervisor must do. Actions are performed in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Record that the trial changes from one state to the next.
    Record {
        /// Whose state changes.
        trial: TrialId,
        /// The state before.
        from: State,
        /// The state from now on.
        to: State,
    },
    /// Record that the trial's attempts so far no longer count against it.
    ResetAttempts(TrialId),
    /// Record the cause for which the attempt is about to be asked to stop.
    RecordStop(TrialId, u32, StopCause),
    /// Record that the attempt has stalled, or has recovered.
    RecordLiveness(TrialId, u32, Liveness),
    /// Start this attempt with the slots that were leased.
    Start(TrialId, u32),
    /// Ask the attempt's holder to let the worker save a checkpoint and end.
    Stop(TrialId, u32),
    /// End the attempt's processes at once.
    Kill(TrialId, u32),
}
