//! A trial's state, and the one function that changes it.

use experiments::protocol::failure::FailureClass;
use serde::{Deserialize, Serialize};

/// Where a trial stands. Each state carries what is true in it and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Waits to be started, for a reason.
    Queued {
        /// Why it is not running, for people.
        reason: String,
    },
    /// An attempt has been started; no holder has taken it up yet.
    Starting {
        /// The attempt's number.
        attempt: u32,
    },
    /// A holder runs the attempt.
    Running {
        /// The attempt's number.
        attempt: u32,
    },
    /// Stopped on request; goes on when the experiment is run again.
    Interrupted {
        /// The attempt that was stopped.
        attempt: u32,
        /// How it ended, for people.
        reason: String,
    },
    /// Taken out of the queue, or stopped, because somebody did not want it to be carried on; goes
    /// on when the experiment is run again.
    Cancelled {
        /// How far it had come, for people.
        reason: String,
    },
    /// Done.
    Succeeded {
        /// The attempt that finished it.
        attempt: u32,
    },
    /// Given up.
    Failed {
        /// The last attempt.
        attempt: u32,
        /// Decides whether the trial was tried again.
        class: FailureClass,
        /// What happened, for people.
        message: String,
    },
}

/// What can happen to a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Wait (again), for a reason.
    Queue {
        /// Why.
        reason: String,
    },
    /// Begin anew, whatever it has: somebody runs the experiment again and asked for this.
    Restart {
        /// Why.
        reason: String,
    },
    /// An attempt is about to be started.
    Start {
        /// Its number.
        attempt: u32,
    },
    /// A holder has taken the attempt up.
    HolderStarted {
        /// Its number.
        attempt: u32,
    },
    /// The attempt was stopped on request.
    Interrupt {
        /// Its number.
        attempt: u32,
        /// How it ended.
        reason: String,
    },
    /// Somebody does not want it to be carried on.
    Cancel {
        /// How far it had come.
        reason: String,
    },
    /// The attempt has finished the trial.
    Succeed {
        /// Its number.
        attempt: u32,
    },
    /// The trial is given up.
    Fail {
        /// The last attempt.
        attempt: u32,
        /// Decides whether the trial was tried again.
        class: FailureClass,
        /// What happened.
        message: String,
    },
}

/// A change that makes no sense in the state it was asked of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a trial that is {state:?} cannot {change:?}")]
pub struct IllegalTransition {
    state: State,
    change: Change,
}

impl State {
    /// The state after `change`.
    pub fn apply(self, change: Change) -> Result<Self, IllegalTransition> {
        let active = self.active_attempt();
        let legal = match &change {
            // From `Starting` and `Running`: the attempt failed and another will follow. From the
            // settled states: somebody runs the experiment again.
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

    /// One word, as in the database and on the screen.
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

    /// The attempt that has been started and has not ended.
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

    /// Whether nothing more happens to it in this run.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Interrupted { .. } => true,
            Self::Queued { .. } | Self::Starting { .. } | Self::Running { .. } => false,
        }
    }

    /// Whether a person may want it to be tried again.
    pub fn may_be_retried(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Cancelled { .. } | Self::Interrupted { .. } => true,
            Self::Queued { .. }
            | Self::Starting { .. }
            | Self::Running { .. }
            | Self::Succeeded { .. } => false,
        }
    }

    /// Why it is in this state, for people; empty where the name says all.
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
    fn a_late_word_about_an_earlier_attempt_is_refused() {
        let running = State::Running { attempt: 2 };
        let error = running.apply(Change::Succeed { attempt: 1 }).unwrap_err();
        assert!(error.to_string().contains("Succeed { attempt: 1 }"), "{error}");
    }
}
