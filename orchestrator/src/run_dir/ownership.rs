//! The ownership of an attempt: exactly one process ever has it, the first to link its file to
//! `owner` in the attempt's folder.
//!
//! A holder locks its file before it links it and keeps the lock until it ends, so a locked owner
//! file means a living holder, whatever has become of process ids. Owner files are never removed or
//! replaced, and only their maker ever locks them exclusively: probing them disturbs no process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError, TemporaryFile};
use crate::platform::clock;
use crate::platform::host::Host;
use crate::run_dir::attempt::{AttemptDir, Exit};

/// The content of an `owner` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The role in which it owns the attempt.
    pub by: OwnerKind,
    /// Its process id on its machine. For people; never a sign of life.
    pub pid: u32,
    /// Its machine.
    pub host: Host,
    /// When it acquired the attempt, in milliseconds since the Unix epoch.
    pub time_ms: i64,
}

/// The role of an attempt's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// A holder, to run the attempt.
    Holder,
    /// A supervisor that gave up waiting, so that no holder can run the attempt any more.
    Supervisor,
    /// A supervisor whose executor rejected the attempt, which itself did not fail.
    Executor,
}

/// The state of the owner file alone; [`attempt_status`] combines it with the other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnershipState {
    /// No process has it yet.
    Unowned,
    /// A living holder on this machine has it.
    Held(Owner),
    /// Its holder, on this machine, has ended.
    Released(Owner),
    /// A supervisor has it, so that no holder can run it.
    Abandoned(Owner),
    /// A holder on another machine has or had it; only that machine or its files know more.
    Unknown(Owner),
}

/// The status of an attempt by its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptStatus {
    /// No holder has started it yet.
    Unowned,
    /// Its holder lives.
    Held(Owner),
    /// It ended and its end is recorded.
    Ended(Exit),
    /// Its holder ended without recording an end: killed, or the machine went down.
    Lost(Owner),
    /// A supervisor gave up on it before any holder came.
    Abandoned(Owner),
    /// It was started on another machine, and no end is recorded yet.
    Unknown(Owner),
}

/// An attempt cannot be acquired or probed.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// The lock of the owner file cannot be probed.
    #[error("cannot tell whether `{}` is locked", path.display())]
    Probe {
        /// The owner file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A record cannot be read or written; also on a file system without locks.
    #[error(transparent)]
    File(#[from] FileError),
}

impl OwnershipError {
    /// True if the attempt belongs to another user.
    pub(crate) fn is_forbidden(&self) -> bool {
        let source = match self {
            Self::Probe { source, .. }
            | Self::File(FileError::Read { source, .. } | FileError::Write { source, .. }) => {
                source
            }
            Self::File(FileError::Malformed { .. }) => return false,
        };
        source.kind() == io::ErrorKind::PermissionDenied
    }
}

/// An attempt that this process, its holder, owns while the value lives.
#[derive(Debug)]
pub struct Ownership {
    _locked: File,
}

/// Acquires `attempt` for this process as its holder. `None` if another process has it.
pub fn acquire(attempt: &AttemptDir) -> Result<Option<Ownership>, OwnershipError> {
    let locked = link_owner(attempt, OwnerKind::Holder)?;
    Ok(locked.map(|file| Ownership { _locked: file }))
}

/// Acquires an unowned `attempt` for good, so that no holder can run it. `false` if another process
/// has it: then the attempt is running or over.
pub fn abandon(attempt: &AttemptDir) -> Result<bool, OwnershipError> {
    acquire_for_good(attempt, OwnerKind::Supervisor)
}

/// The same for an attempt that its executor rejected.
pub(crate) fn refuse(attempt: &AttemptDir) -> Result<bool, OwnershipError> {
    acquire_for_good(attempt, OwnerKind::Executor)
}

fn acquire_for_good(attempt: &AttemptDir, by: OwnerKind) -> Result<bool, OwnershipError> {
    // The process that was to prepare it may have been killed before there was a folder.
    attempt.create().map_err(|source| FileError::Write { path: attempt.owner(), source })?;
    Ok(link_owner(attempt, by)?.is_some())
}

/// The state of `attempt`'s owner file now.
pub fn probe(attempt: &AttemptDir) -> Result<OwnershipState, OwnershipError> {
    let path = attempt.owner();
    let failed = |source| OwnershipError::Probe { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(OwnershipState::Unowned),
        Err(e) => return Err(failed(e)),
    };
    let owner: Owner = serde_json::from_reader(io::BufReader::new(&file))
        .map_err(|source| FileError::Malformed { path: path.clone(), source })?;
    if owner.by != OwnerKind::Holder {
        return Ok(OwnershipState::Abandoned(owner));
    }
    let here = Host::this();
    if here.same_boot(&owner.host) {
        // A shared lock, gone when `file` is: it neither disturbs nor deceives another probe.
        return match file.try_lock_shared() {
            Ok(()) => Ok(OwnershipState::Released(owner)),
            Err(TryLockError::WouldBlock) => Ok(OwnershipState::Held(owner)),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        };
    }
    // A lock of this machine's earlier boot went down with it.
    let rebooted = here.same_machine(&owner.host);
    Ok(if rebooted { OwnershipState::Released(owner) } else { OwnershipState::Unknown(owner) })
}

/// The status of `attempt` now.
pub fn attempt_status(attempt: &AttemptDir) -> Result<AttemptStatus, OwnershipError> {
    // The owner first: a holder that was seen to be gone has written all it ever will.
    let ownership = probe(attempt)?;
    let exit = attempt.read_exit()?;
    Ok(match (ownership, exit) {
        (OwnershipState::Abandoned(owner), _) => AttemptStatus::Abandoned(owner),
        (_, Some(exit)) => AttemptStatus::Ended(exit),
        (OwnershipState::Unowned, None) => AttemptStatus::Unowned,
        (OwnershipState::Held(owner), None) => AttemptStatus::Held(owner),
        (OwnershipState::Released(owner), None) => AttemptStatus::Lost(owner),
        (OwnershipState::Unknown(owner), None) => AttemptStatus::Unknown(owner),
    })
}

/// The locked owner file; `None` if another was linked first.
fn link_owner(attempt: &AttemptDir, by: OwnerKind) -> Result<Option<File>, FileError> {
    let (pid, time_ms) = (std::process::id(), clock::now_ms());
    let owner = Owner { by, pid, host: Host::this(), time_ms };
    let mut file = TemporaryFile::create(&attempt.owner())?;
    file.append(&atomic_file::to_json(&owner))?;
    file.link()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> (tempfile::TempDir, AttemptDir) {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        (folder, attempt)
    }

    #[test]
    fn an_attempt_is_held_exactly_as_long_as_its_ownership_lives() {
        let (_folder, attempt) = attempt();
        assert_eq!(probe(&attempt).unwrap(), OwnershipState::Unowned);
        let ownership = acquire(&attempt).unwrap().unwrap();
        assert!(matches!(probe(&attempt).unwrap(), OwnershipState::Held(_)));
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Held(_)));
        assert!(acquire(&attempt).unwrap().is_none());
        assert!(!abandon(&attempt).unwrap());
        drop(ownership);
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Lost(_)));
        assert!(acquire(&attempt).unwrap().is_none(), "a second holder after the first");
    }

    #[test]
    fn an_abandoned_attempt_cannot_be_acquired() {
        let (_folder, attempt) = attempt();
        assert!(abandon(&attempt).unwrap());
        assert!(acquire(&attempt).unwrap().is_none());
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Abandoned(_)));
    }

    #[test]
    fn an_owner_on_another_machine_is_unknown_and_one_of_an_earlier_boot_is_released() {
        let elsewhere = Host {
            name: "elsewhere".to_owned(),
            machine_id: Some("m".to_owned()),
            boot_id: Some("b".to_owned()),
        };
        let rebooted = Host { boot_id: Some("before".to_owned()), ..Host::this() };
        for (host, released) in [(elsewhere, false), (rebooted, true)] {
            let (_folder, attempt) = attempt();
            let owner = Owner { by: OwnerKind::Holder, pid: 1, host, time_ms: 0 };
            atomic_file::write_json(&attempt.owner(), &owner).unwrap();
            let expected = if released {
                OwnershipState::Released(owner)
            } else {
                OwnershipState::Unknown(owner)
            };
            assert_eq!(probe(&attempt).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_but_the_owner_file_is_left_in_the_folder() {
        let (folder, attempt) = attempt();
        let _ownership = acquire(&attempt).unwrap().unwrap();
        assert!(acquire(&attempt).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
