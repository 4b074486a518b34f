//! Temporary files that killed writers have left in the run's folders.

use std::io;
use std::path::Path;

use crate::platform::atomic_file;
use crate::run_dir::RunDir;

/// Removes temporary files from every folder that `orch` writes to: the run's own, and those of its
/// requests, its trials and their attempts. Everything else below belongs to the workers.
pub(crate) fn remove_temporary_files(run: &RunDir) {
    if let Err(error) = clean_up(run) {
        tracing::warn!("cannot clean up `{}`: {error}", run.path().display());
    }
}

fn clean_up(run: &RunDir) -> io::Result<()> {
    atomic_file::clean_up(run.path())?;
    for trial in atomic_file::clean_up(&run.trials())? {
        for attempt in atomic_file::clean_up(&trial)?.iter().filter(|folder| is_attempt(folder)) {
            atomic_file::clean_up(attempt)?;
        }
    }
    // The folder is made by the first request.
    if run.requests().is_dir() {
        atomic_file::clean_up(&run.requests())?;
    }
    Ok(())
}

fn is_attempt(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"attempt-"))
}
