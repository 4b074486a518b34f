//! The messages between the threads of the screen.

use experiments::protocol::trial_id::TrialId;

use crate::cli::commands::error::Result;
use crate::display::watch::model::{Focus, RunView};

/// News from another thread.
pub(super) enum News {
    Run(Box<RunView>),
    Focus(Focus),
    /// The records cannot be read now, for this reason.
    Unreadable(String),
    /// A request was handled, or refused: a line.
    Done(String),
    /// A text to show.
    Text(String, String),
}

/// A request to the thread that reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The points and logs of a trial, from now on; of this metric, or of the first one.
    About(TrialId, Option<String>),
    /// The run as it is now, not only when it is due.
    Everything,
}

impl News {
    /// The value that was read, or the error as a message.
    pub(super) fn of(read: Result<Self>) -> Self {
        read.unwrap_or_else(|error| {
            let chain = error.chain();
            Self::Unreadable(format!(
                "cannot be read: {}",
                chain.lines().next().unwrap_or_default()
            ))
        })
    }
}
