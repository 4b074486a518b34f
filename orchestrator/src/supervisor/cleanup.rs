//! Temporary files that killed writers have left in the run's folders.

use std::io;
use std::path::Path;

use crate::platform::{atomic_file, parallel};
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
    let trials = atomic_file::clean_up(&run.trials())?;
    parallel::map(&trials, |trial| clean_up_trial(trial))
        .into_iter()
        .collect::<io::Result<()>>()?;
    // The folder is made by the first request.
    if run.requests().is_dir() {
        atomic_file::clean_up(&run.requests())?;
    }
    Ok(())
}

fn clean_up_trial(trial: &Path) -> io::Result<()> {
    let folders = atomic_file::clean_up(trial)?;
    let mut attempts = folders.iter().filter(|folder| is_attempt(folder));
    attempts.try_for_each(|attempt| atomic_file::clean_up(attempt).map(drop))
}

fn is_attempt(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"attempt-"))
}
