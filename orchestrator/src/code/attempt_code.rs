//! The code of one attempt.

use experiments::protocol::events::Code;
use serde::{Deserialize, Serialize};

use super::error::CodeError;
use super::snapshot::Snapshot;
use super::source::CodeSource;

/// The code that an attempt runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptCode {
    /// The files where the user has them.
    Source(CodeSource),
    /// A copy.
    Snapshot(Snapshot),
}

impl AttemptCode {
    /// The code as it is now.
    pub(crate) fn read(&self) -> Result<Code, CodeError> {
        match self {
            Self::Source(source) => source.read(),
            Self::Snapshot(snapshot) => snapshot.read(),
        }
    }
}
