//! What the retry policy remembers of a trial, live and from its records: both must come to the
//! same, so that a supervisor's death changes no verdict.

use super::{Ending, Policy, StopCause, judge};

/// What the policy needs to remember of a trial's earlier attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub(super) failures: u32,
    /// Interruptions in a row of attempts that saved no new checkpoint.
    pub(super) interruptions: u32,
    /// Whether the attempt under way has saved a new checkpoint.
    pub(super) advanced: bool,
    pub(super) last_checkpoint: Option<u64>,
    pub(super) last_step: Option<u64>,
    pub(super) last_crash: Option<u64>,
    /// It ran out of GPU memory beside others, and gets a GPU for itself from now on.
    pub(super) alone: bool,
}

/// An attempt as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// Its number, from 1.
    pub number: u32,
    /// The furthest step at which it saved a checkpoint.
    pub checkpoint: Option<u64>,
    /// The step that it came to last.
    pub step: Option<u64>,
    /// Why it was asked to stop, if it was.
    pub cause: Option<StopCause>,
    /// Whether nothing was heard of it for too long, when that was last written down.
    pub stalled: bool,
    /// How it ended; `None` while it has not, or while nobody has taken that in.
    pub ending: Option<Ending>,
}

impl History {
    /// What these attempts, the first one first, leave to be remembered.
    pub fn replay(attempts: &[PastAttempt], policy: &Policy) -> Self {
        let mut history = Self::default();
        for past in attempts {
            history.started();
            if let Some(step) = past.checkpoint {
                history.checkpointed(step);
            }
            if let Some(step) = past.step {
                history.reached(step);
            }
            if let Some(ending) = &past.ending {
                // What followed from it is recorded; what is remembered of it is not.
                judge(ending, past.cause, &mut history, policy);
            }
        }
        history
    }

    /// An attempt begins: it has come to no step yet.
    pub fn started(&mut self) {
        self.last_step = None;
        self.advanced = false;
    }

    /// A checkpoint: interruptions are counted anew if it is further than any before.
    pub fn checkpointed(&mut self, step: u64) {
        if self.last_checkpoint.is_none_or(|last| step > last) {
            self.last_checkpoint = Some(step);
            self.interruptions = 0;
            self.advanced = true;
        }
    }

    /// The worker has come to `step`.
    pub fn reached(&mut self, step: u64) {
        self.last_step = Some(step);
    }
}
