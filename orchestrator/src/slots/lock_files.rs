//! The folder of this machine's lock files.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::host::Host;
use crate::platform::state_dir::state_dir;

/// This user's slots on this machine.
#[derive(Debug, Clone)]
pub struct Slots {
    folder: PathBuf,
}

/// The slots' lock files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// The environment does not name a folder for this user's state.
    #[error("there is no folder for slots: set `HOME`, `XDG_STATE_HOME` or `ORCH_STATE_DIR`")]
    NoFolder,
    /// A lock file cannot be opened or locked.
    #[error("cannot take the slot `{}`", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Slots {
    /// `slots/<machine>/` in the user's state folder.
    pub(crate) fn of_this_machine() -> Result<Self, SlotError> {
        let state = state_dir().ok_or(SlotError::NoFolder)?;
        Ok(Self::at(state.join("slots").join(Host::this().id())))
    }

    /// Slots with their lock files in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder of the lock files; it exists once a slot was leased.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leases are taken one at a time: of two that each took a part of what both need, neither would
    /// get all. Whether a slot is free is decided by its own lock alone.
    pub(super) fn wait_for_turn(&self) -> Result<File, SlotError> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|source| SlotError::File { path: self.folder.clone(), source })?;
        let turn = self.open("turn")?;
        turn.lock().map_err(|source| self.error("turn", source))?;
        Ok(turn)
    }

    /// Locks the first `most` of the named files that are not locked.
    pub(super) fn lock_free(
        &self,
        names: impl Iterator<Item = String>,
        most: usize,
    ) -> Result<Vec<File>, SlotError> {
        let mut locked = Vec::new();
        for name in names {
            if locked.len() == most {
                break;
            }
            let file = self.open(&name)?;
            match file.try_lock() {
                Ok(()) => locked.push(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(self.error(&name, source)),
            }
        }
        Ok(locked)
    }

    pub(super) fn open(&self, name: &str) -> Result<File, SlotError> {
        File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(self.folder.join(name))
            .map_err(|source| self.error(name, source))
    }

    pub(super) fn error(&self, name: &str, source: io::Error) -> SlotError {
        SlotError::File { path: self.folder.join(name), source }
    }
}
