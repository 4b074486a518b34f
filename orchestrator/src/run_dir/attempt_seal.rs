//! The seals of an attempt that is over, as the journal records them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attempt::{AttemptDir, Exit};
use crate::platform::file_seal::FileSeal;

/// The seals of an attempt that is over, for the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSeal {
    /// Its holder's `exit.json`, which has the seals of its other files; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<FileSeal>,
    /// Its events; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<FileSeal>,
}

impl AttemptSeal {
    /// The seal of `attempt`, all of whose processes have ended, and whose holder has recorded `exit`;
    /// `None` if it has not. The holder's seal of the events counts, and only without one are they read.
    /// A file that cannot be read has no seal: readers find one that should not be there.
    pub(crate) fn new(attempt: &AttemptDir, exit: Option<&Exit>) -> Self {
        let seal_of = |path: &Path| FileSeal::of(path).ok().flatten();
        match exit {
            Some(exit) => {
                let events = exit.files.get(&attempt.name_of(&attempt.events())).cloned();
                Self { exit: seal_of(&attempt.exit()), events }
            }
            None => Self { exit: None, events: seal_of(&attempt.events()) },
        }
    }
}
