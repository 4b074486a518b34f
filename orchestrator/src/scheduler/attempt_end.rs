//! The end of an attempt, as it was recorded or inferred.

use experiments::protocol::failure::Failure;

use crate::run_dir::attempt::Exit;

/// The end of an attempt, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The holder wrote `exit.json`.
    Recorded {
        /// The holder's record.
        exit: Exit,
        /// The worker's `failed` event, if it sent one.
        failure: Option<Failure>,
    },
    /// The holder is gone and left no record: it was killed, or the machine went down. Further
    /// details for people, or empty.
    Lost(String),
    /// The executor rejected it, for this reason, and nothing ran.
    Rejected(String),
    /// No holder ever started it; the reason, or empty.
    NeverStarted(String),
}

impl AttemptEnd {
    /// Recorded duration in milliseconds, else 0. The clock may have been set meanwhile.
    pub(super) fn duration_ms(&self) -> f64 {
        match self {
            Self::Recorded { exit, .. } => (exit.ended_ms - exit.started_ms).max(0) as f64,
            Self::Lost(_) | Self::Rejected(_) | Self::NeverStarted(_) => 0.0,
        }
    }
}
