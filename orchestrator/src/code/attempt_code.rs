//! The code of one attempt.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

    /// The files and folders that `code` was read from; `None` where not all of them are known.
    pub(super) fn read_from(&self, code: &Code) -> Option<BTreeSet<PathBuf>> {
        match self {
            Self::Source(source) => source.read_from(code),
            Self::Snapshot(_) => {
                let root = Path::new(&code.root);
                Some(code.files.keys().map(|path| root.join(path)).collect())
            }
        }
    }
}
