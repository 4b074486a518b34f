//! A request that is not answered with what it asked for.

use crate::cli::commands::error::VerbError;

/// The reason why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// There is no such run, trial or file.
    #[error("There is no such page. The run or the trial may have been removed.")]
    NotFound,
    /// Too many pages are open.
    #[error("Too many pages are open; close some.")]
    Busy,
    /// The records cannot be read, for people.
    #[error("{0}")]
    Unreadable(String),
    /// A defect of the server.
    #[error("The server failed to make this page; its log says more.")]
    Internal,
}

impl From<VerbError> for Problem {
    fn from(error: VerbError) -> Self {
        Self::Unreadable(error.chain())
    }
}
