//! A damaged record of a run.

use std::fmt;

use experiments::protocol::trial_id::TrialId;

/// A record that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Damage {
    /// Its path, relative to the run's folder.
    pub(crate) path: String,
    /// The trial whose results it affects; `None` if it may affect all.
    pub(crate) trial: Option<TrialId>,
    /// Its difference from what was recorded, as the end of a sentence.
    pub(crate) problem: String,
}

/// `` `trials/a-s0-1f2e3d4c/attempt-1/events.jsonl` has 10 bytes, and had 200 when it was complete ``.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.problem)
    }
}
