//! The retry policy's memory of a trial, from its records.

use super::Policy;
use super::history::{AttemptSummary, History};
use super::retry::decide;

impl History {
    /// The memory of these attempts, the first one first.
    pub(super) fn replay(attempts: &[AttemptSummary], policy: &Policy) -> Self {
        let mut history = Self::default();
        for attempt in attempts {
            history.on_attempt_started();
            if let Some(step) = attempt.checkpoint {
                history.on_checkpoint(step);
            }
            if let Some(step) = attempt.step {
                history.on_step(step);
            }
            if let Some(end) = &attempt.end {
                // The decision itself is recorded; only what it leaves in the memory is not.
                decide(end, attempt.cause, &mut history, policy);
            }
        }
        history
    }
}
