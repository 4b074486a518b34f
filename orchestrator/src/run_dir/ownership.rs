//! The ownership of an attempt: exactly one process ever has it, the first to link its file to
//! `owner` in the attempt's folder.
//!
//! A holder locks its file before it links it and keeps the lock until it ends, so a locked owner
//! file means a living holder, whatever has become of process ids. Owner files are never removed or
//! replaced, and only their maker ever locks them exclusively: probing them disturbs no process.
//!
//! Anything can write to an attempt's folder. A damaged owner file is an attempt that was lost, unless
//! its lock is held. An `exit.json` counts only with the secret of the holder, of which the owner file
//! has the hash, and only once the holder has released its lock.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::PathBuf;

use experiments::regular_file;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError, TemporaryFile};
use crate::platform::clock;
use crate::platform::error_chain::chain;
use crate::platform::hash::sha256;
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
    /// SHA-256 of the [`Exit::nonce`] by which its record is told from a forged one; `None` unless it is
    /// a holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_sha256: Option<String>,
}

/// Bytes of an owner file, more than any has.
const MAX_OWNER: u64 = 64 << 10;

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
    /// A living holder on this machine has it; `None` if its owner file is damaged.
    Held(Option<Owner>),
    /// Its holder, on this machine, has ended.
    Released(Owner),
    /// Its owner file is damaged, as this says for people, and not locked.
    Damaged(String),
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
    /// Its holder lives; `None` if its owner file is damaged.
    Held(Option<Owner>),
    /// It ended and its end is recorded.
    Ended(Exit),
    /// Its holder ended without recording an end: killed, or the machine went down. Else the file that
    /// is damaged or forged, for people; empty if none is.
    Lost(String),
    /// A supervisor gave up on it before any holder came.
    Abandoned(Owner),
    /// It was started on another machine, and no end is recorded yet.
    Unknown(Owner),
}

/// An attempt cannot be acquired or probed.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// The owner file cannot be opened, or its lock not be probed.
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
    nonce: String,
}

impl Ownership {
    /// The [`Exit::nonce`] of its record. No other process knows it until that is written.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }
}

/// Acquires `attempt` for this process as its holder. `None` if another process has it.
pub fn acquire(attempt: &AttemptDir) -> Result<Option<Ownership>, OwnershipError> {
    let nonce = nonce().map_err(|source| FileError::Write { path: attempt.owner(), source })?;
    let locked = link_owner(attempt, OwnerKind::Holder, Some(sha256(&nonce)))?;
    Ok(locked.map(|file| Ownership { _locked: file, nonce }))
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
    Ok(link_owner(attempt, by, None)?.is_some())
}

/// The state of `attempt`'s owner file now.
pub fn probe(attempt: &AttemptDir) -> Result<OwnershipState, OwnershipError> {
    let path = attempt.owner();
    let failed = |source| OwnershipError::Probe { path: path.clone(), source };
    let mut file = match regular_file::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(OwnershipState::Unowned),
        // Without permission it is another user's, and not known to be damaged.
        Err(source)
            if regular_file::is_fault_of_file(&source)
                && source.kind() != io::ErrorKind::PermissionDenied =>
        {
            return Ok(OwnershipState::Damaged(chain(&FileError::Read { path, source })));
        }
        Err(e) => return Err(failed(e)),
    };
    let mut text = Vec::new();
    file.by_ref().take(MAX_OWNER).read_to_end(&mut text).map_err(failed)?;
    let owner = match serde_json::from_slice::<Owner>(&text) {
        Ok(owner) if owner.by != OwnerKind::Holder => return Ok(OwnershipState::Abandoned(owner)),
        Ok(owner) => Ok(owner),
        Err(source) => Err(chain(&FileError::Malformed { path: path.clone(), source })),
    };
    let here = Host::this();
    if let Ok(owner) = &owner
        && !here.same_boot(&owner.host)
    {
        // A lock of this machine's earlier boot went down with it.
        let (owner, rebooted) = (owner.clone(), here.same_machine(&owner.host));
        let state = if rebooted { OwnershipState::Released } else { OwnershipState::Unknown };
        return Ok(state(owner));
    }
    // A shared lock, gone when `file` is: it neither disturbs nor deceives another probe.
    match file.try_lock_shared() {
        Ok(()) => Ok(owner.map_or_else(OwnershipState::Damaged, OwnershipState::Released)),
        Err(TryLockError::WouldBlock) => Ok(OwnershipState::Held(owner.ok())),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

/// The status of `attempt` now.
pub fn attempt_status(attempt: &AttemptDir) -> Result<AttemptStatus, OwnershipError> {
    // The owner first: a holder that was seen to be gone has written all it ever will.
    Ok(match probe(attempt)? {
        OwnershipState::Unowned => AttemptStatus::Unowned,
        OwnershipState::Held(owner) => AttemptStatus::Held(owner),
        OwnershipState::Abandoned(owner) => AttemptStatus::Abandoned(owner),
        OwnershipState::Damaged(reason) => AttemptStatus::Lost(reason),
        OwnershipState::Released(owner) => {
            recorded_end(attempt, &owner)?.map_or_else(AttemptStatus::Lost, AttemptStatus::Ended)
        }
        OwnershipState::Unknown(owner) => match recorded_end(attempt, &owner)? {
            Ok(exit) => AttemptStatus::Ended(exit),
            Err(_) => AttemptStatus::Unknown(owner),
        },
    })
}

/// The end that `attempt`'s `owner` recorded; else the reason for which a record does not count, empty
/// if there is none.
fn recorded_end(attempt: &AttemptDir, owner: &Owner) -> Result<Result<Exit, String>, FileError> {
    match attempt.read_exit() {
        Ok(Some(exit)) if owner.nonce_sha256 == Some(sha256(&exit.nonce)) => Ok(Ok(exit)),
        Ok(Some(_)) => Ok(Err(format!("`{}` is not its holder's", attempt.exit().display()))),
        Ok(None) => Ok(Err(String::new())),
        Err(error) if error.is_damage() => Ok(Err(chain(&error))),
        Err(error) => Err(error),
    }
}

/// 16 random bytes, in hexadecimal.
fn nonce() -> io::Result<String> {
    let mut bytes = [0; 16];
    // The kernel gives so few at once, or none.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(base16ct::lower::encode_string(&bytes))
}

/// The locked owner file; `None` if another was linked first.
fn link_owner(
    attempt: &AttemptDir,
    by: OwnerKind,
    nonce_sha256: Option<String>,
) -> Result<Option<File>, FileError> {
    let (pid, time_ms) = (std::process::id(), clock::now_ms());
    let owner = Owner { by, pid, host: Host::this().clone(), time_ms, nonce_sha256 };
    let mut file = TemporaryFile::create(&attempt.owner())?;
    file.append(&atomic_file::to_json(&owner))?;
    file.link()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::file_seal::Seals;
    use crate::run_dir::attempt::Outcome;

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

    /// A holder's record of a success.
    fn record(attempt: &AttemptDir, nonce: &str) {
        let exit = Exit {
            outcome: Outcome::Exited { code: 0 },
            stop: None,
            killed: false,
            stopped_early: false,
            orphans: 0,
            disk_full: false,
            empty_logs: Vec::new(),
            files: Seals::new(),
            started_ms: 1,
            ended_ms: 2,
            nonce: nonce.to_owned(),
        };
        atomic_file::write_json(&attempt.exit(), &exit).unwrap();
    }

    #[test]
    fn a_record_counts_if_it_is_the_holder_s_and_once_that_has_ended() {
        let (_folder, attempt) = attempt();
        let ownership = acquire(&attempt).unwrap().unwrap();
        let nonce = ownership.nonce().to_owned();
        assert_eq!(nonce.len(), 32);
        record(&attempt, &nonce);
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Held(_)));
        drop(ownership);
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Ended(_)));
        record(&attempt, "00");
        let status = attempt_status(&attempt).unwrap();
        assert!(matches!(status, AttemptStatus::Lost(why) if why.contains("exit.json")));
    }

    #[test]
    fn a_record_from_another_machine_counts_if_it_is_the_holder_s() {
        let host = Host { name: "elsewhere".to_owned(), machine_id: None, boot_id: None };
        let nonce_sha256 = Some(sha256("00ff"));
        let owner = Owner { by: OwnerKind::Holder, pid: 1, host, time_ms: 0, nonce_sha256 };
        let (_folder, attempt) = attempt();
        atomic_file::write_json(&attempt.owner(), &owner).unwrap();
        record(&attempt, "00");
        assert_eq!(attempt_status(&attempt).unwrap(), AttemptStatus::Unknown(owner));
        record(&attempt, "00ff");
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Ended(_)));
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
        let rebooted = Host { boot_id: Some("before".to_owned()), ..Host::this().clone() };
        for (host, released) in [(elsewhere, false), (rebooted, true)] {
            let (_folder, attempt) = attempt();
            let owner =
                Owner { by: OwnerKind::Holder, pid: 1, host, time_ms: 0, nonce_sha256: None };
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
