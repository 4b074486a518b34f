//! The end of an attempt, as it was recorded or inferred.

use experiments::protocol::exit::{WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::failure::Failure;

use crate::run_dir::attempt::{Exit, Outcome};

/// The end of an attempt, as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The holder wrote `exit.json`.
    Recorded {
        /// The holder's record.
        exit: Exit,
        /// The worker's `failed` event, if it sent one.
        failure: Option<Failure>,
        /// The last line of its standard error, or else of its standard output; empty if there is none,
        /// and for attempts of earlier supervisors.
        last_line: String,
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
            Self::Recorded { exit, .. } => exit.seconds() * 1e3,
            Self::Lost(_) | Self::Rejected(_) | Self::NeverStarted(_) => 0.0,
        }
    }

    /// The exit code and the last line of a worker that failed by itself, not by an interruption.
    pub(super) fn failure_by_itself(&self) -> Option<String> {
        let Self::Recorded { exit, last_line, .. } = self else { return None };
        let failed = match exit.outcome {
            Outcome::Exited { code: WORKER_DONE | WORKER_STOPPED }
            | Outcome::Signalled { signal: 9 }
            | Outcome::NotStarted { transient: true, .. } => false,
            Outcome::Exited { .. } | Outcome::Signalled { .. } | Outcome::NotStarted { .. } => true,
        };
        let cause = match (&exit.outcome, last_line.is_empty()) {
            (Outcome::NotStarted { message, .. }, _) => message.clone(),
            (_, true) => exit.to_string(),
            (_, false) => format!("{exit}: {last_line}"),
        };
        (failed && exit.stop.is_none() && !exit.disk_full).then_some(cause)
    }
}
