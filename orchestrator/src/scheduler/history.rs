//! The retry policy's memory of a trial. Live events and a replay of the records lead to the same, so
//! that a supervisor's death changes no decision.

use super::{AttemptEnd, StopCause};

/// The retry policy's memory of a trial's attempts so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) failures: u32,
    /// Interruptions in a row of attempts that saved no new checkpoint.
    pub(super) interruptions: u32,
    /// The active attempt has saved a new checkpoint.
    pub(super) advanced: bool,
    pub(super) last_checkpoint: Option<u64>,
    pub(super) last_step: Option<u64>,
    pub(super) last_crash: Option<u64>,
    /// It ran out of memory on a shared GPU, and does not share from now on.
    pub(super) needs_whole_gpus: bool,
}

/// An attempt as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSummary {
    /// Counts from 1.
    pub number: u32,
    /// The furthest step with a checkpoint.
    pub checkpoint: Option<u64>,
    /// The last step that it reported.
    pub step: Option<u64>,
    /// `None` if no supervisor asked it to stop.
    pub cause: Option<StopCause>,
    /// Its last recorded liveness was a stall.
    pub stalled: bool,
    /// `None` while it is active, or its end is not recorded yet.
    pub end: Option<AttemptEnd>,
}

impl History {
    pub(super) fn on_attempt_started(&mut self) {
        self.last_step = None;
        self.advanced = false;
    }

    /// Counts interruptions from zero again if `step` is further than any checkpoint before.
    pub(super) fn on_checkpoint(&mut self, step: u64) {
        if self.last_checkpoint.is_none_or(|last| step > last) {
            self.last_checkpoint = Some(step);
            self.interruptions = 0;
            self.advanced = true;
        }
    }

    pub(super) fn on_step(&mut self, step: u64) {
        self.last_step = Some(step);
    }
}
