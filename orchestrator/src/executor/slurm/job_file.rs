//! `job.json` in an attempt's folder: the job that the attempt was submitted as.

use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError};
use crate::run_dir::attempt::AttemptDir;

/// Written before the job is submitted, so that a later supervisor finds the job by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The cluster's name; other clusters know nothing of the job.
    pub cluster: String,
    /// The job's name, which no other submission has.
    pub name: String,
    /// The job's index in its array.
    pub index: u32,
}

impl Job {
    /// The job of `attempt`; `None` if it was not submitted.
    pub(crate) fn read(attempt: &AttemptDir) -> Result<Option<Self>, FileError> {
        atomic_file::read_json(&attempt.job())
    }

    pub(super) fn write(&self, attempt: &AttemptDir) -> Result<(), FileError> {
        atomic_file::write_json(&attempt.job(), self)
    }
}
