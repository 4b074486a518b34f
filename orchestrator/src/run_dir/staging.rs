//! A run's folder that is there whole or not at all: filled in `.imports/` below the folder of all runs,
//! synced, and renamed into place.
//!
//! A lock lets one process at a time fill a folder there, so what the next one finds was left by a
//! process that was killed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::{RunDir, RunDirError};
use crate::platform::atomic_file;

/// Name of the folder for runs in the making; no run can have it.
const FOLDER: &str = ".imports";

/// A run in the making; removed on drop unless it was published.
#[derive(Debug)]
pub(crate) struct StagedRun {
    _lock: File,
    staged: RunDir,
    target: RunDir,
}

impl StagedRun {
    /// An empty folder that is to become `target`. Waits for another process that is making a run.
    pub(crate) fn create(target: RunDir) -> Result<Self, RunDirError> {
        let runs = target.path().parent().unwrap_or(Path::new("."));
        let folder = runs.join(FOLDER);
        let lock = lock(&folder).map_err(|source| failed(&folder, source))?;
        let staged = RunDir::new(&folder, &target.name());
        remove_left_over(&folder).map_err(|source| failed(&folder, source))?;
        staged.create()?;
        Ok(Self { _lock: lock, staged, target })
    }

    /// The folder to fill.
    pub(crate) fn dir(&self) -> &RunDir {
        &self.staged
    }

    /// Gives the run its name; `None` if a folder has it already. The files in it are synced, the names
    /// of its folders are synced here.
    pub(crate) fn publish(self) -> Result<Option<RunDir>, RunDirError> {
        let (staged, target) = (self.staged.path(), self.target.path());
        sync_folders(staged).map_err(|source| failed(staged, source))?;
        match std::fs::rename(staged, target) {
            Err(e) if is_taken(&e) => return Ok(None),
            renamed => renamed.map_err(|source| failed(target, source))?,
        }
        atomic_file::sync_folder(target).map_err(|source| failed(target, source))?;
        Ok(Some(self.target.clone()))
    }
}

impl Drop for StagedRun {
    fn drop(&mut self) {
        // Gone if it was published; else the next one removes what this one cannot.
        let _ = std::fs::remove_dir_all(self.staged.path());
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    fs_err::create_dir_all(folder)?;
    let path = folder.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tracing::warn!("another import into `{}` is running; waiting for it", folder.display());
            lock.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(lock)
}

fn remove_left_over(folder: &Path) -> io::Result<()> {
    for entry in folders(folder)? {
        fs_err::remove_dir_all(entry)?;
    }
    Ok(())
}

/// Makes every name in and below `folder` survive a power cut.
fn sync_folders(folder: &Path) -> io::Result<()> {
    folders(folder)?.iter().try_for_each(|below| sync_folders(below))?;
    File::open(folder)?.sync_all()
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A folder takes the place of an empty one only.
fn is_taken(error: &io::Error) -> bool {
    [Errno::NOTEMPTY, Errno::EXIST, Errno::NOTDIR]
        .map(Errno::raw_os_error)
        .contains(&error.raw_os_error().unwrap_or(0))
}

fn failed(path: &Path, source: io::Error) -> RunDirError {
    RunDirError::Io { path: path.to_owned(), source }
}
