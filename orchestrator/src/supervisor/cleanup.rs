//! What writers that were killed have left in the run's folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::atomic_file;
use crate::run_dir::RunDir;

/// Sweeps every folder that `orch` writes to: the run's own, and those of its requests, its trials
/// and their attempts. Whatever else lies below is the workers'.
pub(super) fn sweep(run: &RunDir) {
    let swept = || {
        atomic_file::clean_up(run.path())?;
        for trial in folders(&run.trials())? {
            atomic_file::clean_up(&trial)?;
            folders(&trial)?
                .iter()
                .filter(|f| is_attempt(f))
                .try_for_each(|f| atomic_file::clean_up(f))?;
        }
        // There are none before somebody wishes something.
        if run.requests().is_dir() { atomic_file::clean_up(&run.requests()) } else { Ok(()) }
    };
    if let Err(error) = swept() {
        tracing::warn!("cannot look for what was left in `{}`: {error}", run.path().display());
    }
}

fn is_attempt(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"attempt-"))
}

/// The folders in `folder`; links to folders are none.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
