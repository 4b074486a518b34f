//! Removing a run. Its folder is renamed first, to a name that no run has: whatever a kill leaves is not
//! taken for a run, and is removed the next time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{RunDir, RunDirError, SupervisorLock};

/// Begins the name of a folder that is being removed.
const PREFIX: &str = ".removed-";

/// Removes the run and its database, wherever that is.
pub(crate) fn remove(dir: &RunDir, lock: SupervisorLock) -> Result<(), RunDirError> {
    let failed = |source| RunDirError::Io { path: dir.path().to_owned(), source };
    let database = dir.database();
    let renamed = dir.path().with_file_name(format!("{PREFIX}{}", dir.name()));
    fs::rename(dir.path(), &renamed).map_err(failed)?;
    if !database.starts_with(dir.path()) {
        match fs::remove_file(&database) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::remove_dir_all(&renamed).map_err(failed)?;
    drop(lock);
    Ok(())
}

/// Removes what earlier removals that were killed have left below `runs`.
pub(crate) fn finish(runs: &Path) -> Result<(), RunDirError> {
    let failed = |source| RunDirError::Io { path: runs.to_owned(), source };
    let Ok(entries) = fs::read_dir(runs) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// The folders of all attempts of the run.
pub(crate) fn attempts(dir: &RunDir) -> Result<Vec<PathBuf>, RunDirError> {
    let mut attempts = Vec::new();
    for trial in folders(&dir.trials()).map_err(|source| failed(&dir.trials(), source))? {
        let folders = folders(&trial).map_err(|source| failed(&trial, source))?;
        attempts.extend(folders.into_iter().filter(|folder| is_attempt(folder)));
    }
    Ok(attempts)
}

fn failed(path: &Path, source: io::Error) -> RunDirError {
    RunDirError::Io { path: path.to_owned(), source }
}

fn is_attempt(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"attempt-"))
}

/// The folders in `folder`, without links to folders; none if it does not exist.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Bytes of all files in and below `folder`; those that cannot be read count as nothing.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { size(&entry.path()) } else { metadata.len() })
    });
    sizes.sum()
}
