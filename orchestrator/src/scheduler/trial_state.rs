//! A trial's state, and the one function that changes it.

use experiments::protocol::failure::FailureClass;
use serde::{Deserialize, Serialize};

/// The state of a trial. Each carries what is true in it and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Not started yet, or to be started again.
    Queued {
        /// The reason why it is not running, for people.
        reason: String,
    },
    /// An attempt has been started; it has no holder yet.
    Starting {
        /// The attempt's number.
        attempt: u32,
    },
    /// A holder runs the attempt.
    Running {
        /// The attempt's number.
        attempt: u32,
    },
    /// Stopped on request; continues when the experiment is run again.
    Interrupted {
        /// The attempt that was stopped.
        attempt: u32,
        /// The attempt's end, for people.
        reason: String,
    },
    /// Removed from the queue, or stopped, by a request for this trial; continues when the
    /// experiment is run again.
    Cancelled {
        /// Its progress, for people.
        reason: String,
    },
    /// Finished by a worker that exited with code 0.
    Succeeded {
        /// The attempt that finished it.
        attempt: u32,
    },
    /// Will not be tried again.
    Failed {
        /// The last attempt.
        attempt: u32,
        /// Decides whether the trial was tried again.
        class: FailureClass,
        /// The failure, for people.
        message: String,
    },
}

/// A transition between states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Put it in the queue, again or with a new reason.
    Queue {
        /// For people.
        reason: String,
    },
    /// Restart it from its first step, whatever its state: `orch run` was asked for this.
    Restart {
        /// For people.
        reason: String,
    },
    /// An attempt is about to be started.
    Start {
        /// Its number.
        attempt: u32,
    },
    /// The attempt has a holder.
    HolderStarted {
        /// Its number.
        attempt: u32,
    },
    /// The attempt was stopped on request.
    Interrupt {
        /// Its number.
        attempt: u32,
        /// The attempt's end.
        reason: String,
    },
    /// The trial was cancelled.
    Cancel {
        /// Its progress.
        reason: String,
    },
    /// The attempt has finished the trial.
    Succeed {
        /// Its number.
        attempt: u32,
    },
    /// The trial has failed.
    Fail {
        /// The last attempt.
        attempt: u32,
        /// Decides whether the trial was tried again.
        class: FailureClass,
        /// The failure.
        message: String,
    },
}

/// A change that is impossible in the trial's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a trial that is {state:?} cannot {change:?}")]
pub struct IllegalTransition {
    state: State,
    change: Change,
}

impl State {
    /// The state after `change`.
    pub(crate) fn apply(self, change: Change) -> Result<Self, IllegalTransition> {
        let active = self.active_attempt();
        let legal = match &change {
            // From `Starting` and `Running`: the attempt failed and another will follow. From the
            // settled states: the experiment is run again.
            Change::Queue { .. } => !matches!(self, Self::Succeeded { .. }),
            Change::Restart { .. } => active.is_none(),
            Change::Start { .. } => matches!(self, Self::Queued { .. }),
            Change::HolderStarted { attempt } => {
                matches!(self, Self::Starting { .. }) && active == Some(*attempt)
            }
            Change::Cancel { .. } => active.is_some() || matches!(self, Self::Queued { .. }),
            Change::Interrupt { attempt, .. }
            | Change::Succeed { attempt }
            | Change::Fail { attempt, .. } => active == Some(*attempt),
        };
        if !legal {
            return Err(IllegalTransition { state: self, change });
        }
        Ok(match change {
            Change::Queue { reason } | Change::Restart { reason } => Self::Queued { reason },
            Change::Start { attempt } => Self::Starting { attempt },
            Change::HolderStarted { attempt } => Self::Running { attempt },
            Change::Interrupt { attempt, reason } => Self::Interrupted { attempt, reason },
            Change::Cancel { reason } => Self::Cancelled { reason },
            Change::Succeed { attempt } => Self::Succeeded { attempt },
            Change::Fail { attempt, class, message } => Self::Failed { attempt, class, message },
        })
    }

    /// The word for it in the database and on the screen.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Starting { .. } => "starting",
            Self::Running { .. } => "running",
            Self::Interrupted { .. } => "interrupted",
            Self::Cancelled { .. } => "cancelled",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
        }
    }

    /// The number of the attempt that has been started and has not ended.
    pub fn active_attempt(&self) -> Option<u32> {
        match self {
            Self::Starting { attempt } | Self::Running { attempt } => Some(*attempt),
            Self::Queued { .. }
            | Self::Interrupted { .. }
            | Self::Cancelled { .. }
            | Self::Succeeded { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// True if it does not change any more in this run.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Interrupted { .. } => true,
            Self::Queued { .. } | Self::Starting { .. } | Self::Running { .. } => false,
        }
    }

    /// True if `orch retry` applies to it.
    pub fn may_be_retried(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Cancelled { .. } | Self::Interrupted { .. } => true,
            Self::Queued { .. }
            | Self::Starting { .. }
            | Self::Running { .. }
            | Self::Succeeded { .. } => false,
        }
    }

    /// The reason for this state, for people; empty where the name is enough.
    pub fn reason(&self) -> String {
        match self {
            Self::Queued { reason }
            | Self::Interrupted { reason, .. }
            | Self::Cancelled { reason } => reason.clone(),
            Self::Failed { class, message, .. } if message.is_empty() => class.to_string(),
            Self::Failed { class, message, .. } => format!("{class}: {message}"),
            Self::Starting { .. } | Self::Running { .. } | Self::Succeeded { .. } => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_succeeded_trial_stays_so() {
        let done = State::Succeeded { attempt: 1 };
        for change in [
            Change::Queue { reason: String::new() },
            Change::Start { attempt: 2 },
            Change::HolderStarted { attempt: 1 },
            Change::Interrupt { attempt: 1, reason: String::new() },
            Change::Cancel { reason: String::new() },
            Change::Fail { attempt: 1, class: FailureClass::Crashed, message: String::new() },
        ] {
            assert!(done.clone().apply(change.clone()).is_err(), "{change:?}");
        }
    }

    #[test]
    fn a_late_report_about_an_earlier_attempt_is_rejected() {
        let running = State::Running { attempt: 2 };
        let error = running.apply(Change::Succeed { attempt: 1 }).unwrap_err();
        assert!(error.to_string().contains("Succeed { attempt: 1 }"), "{error}");
    }
}
