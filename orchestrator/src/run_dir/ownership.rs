//! Who has an attempt. Exactly one process may claim it: the first to link its file to `claim`.
//!
//! A holder locks its file before it links it and keeps the lock until it ends, so a locked claim
//! means a living holder, whatever has become of process ids. Claims are never removed or
//! replaced, and only a claim's maker ever locks it exclusively: looking disturbs nobody.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::platform::host::Host;
use crate::run_dir::attempt::{AttemptDir, Exit};

/// What stands in a `claim` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// What for.
    pub by: OwnerKind,
    /// The claimant's process id on its machine. For people; never a sign of life.
    pub pid: u32,
    /// The claimant's machine.
    pub host: Host,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
}

/// Who claims an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// A holder, to run the attempt.
    Holder,
    /// A supervisor that gave up waiting, so that no holder runs it any more.
    Supervisor,
    /// A supervisor whose executor did not take it: nothing went wrong with the attempt.
    Executor,
}

/// What the claim alone says; see [`status`] for what to make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnershipState {
    /// Nobody has it yet.
    Unowned,
    /// A living holder on this machine has it.
    Held(Owner),
    /// Its holder, on this machine, has ended.
    Released(Owner),
    /// A supervisor took it out of play.
    Abandoned(Owner),
    /// A holder on another machine has or had it; only that machine or its files know more.
    Unknown(Owner),
}

/// Where an attempt stands, by its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptStatus {
    /// No holder has taken it up yet.
    Unowned,
    /// Its holder lives.
    Held(Owner),
    /// It ended and its end is recorded.
    Ended(Exit),
    /// Its holder ended without recording an end: killed, or the machine went down.
    Lost(Owner),
    /// A supervisor gave up on it before any holder came.
    Abandoned(Owner),
    /// It was taken up on another machine, and no end is recorded yet.
    Unknown(Owner),
}

/// A claim cannot be made or looked at.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// Some other failure of the file system; also that it knows no locks.
    #[error("cannot claim `{}`", path.display())]
    Make {
        /// The claim file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The claim cannot be probed.
    #[error("cannot tell whether `{}` is held", path.display())]
    Probe {
        /// The claim file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl OwnershipError {
    /// Whether the claim is there for another user only.
    pub fn is_forbidden(&self) -> bool {
        let source = match self {
            Self::Make { source, .. }
            | Self::Probe { source, .. }
            | Self::File(FileError::Read { source, .. } | FileError::Write { source, .. }) => {
                source
            }
            Self::File(FileError::Malformed { .. }) => return false,
        };
        source.kind() == io::ErrorKind::PermissionDenied
    }
}

/// A claim that is ours while this value lives.
#[derive(Debug)]
pub struct Ownership {
    _locked: File,
}

/// Claims `attempt` for the holder that this process is. `None` if somebody else has it.
pub fn acquire(attempt: &AttemptDir) -> Result<Option<Ownership>, OwnershipError> {
    make(attempt, OwnerKind::Holder).map(|file| file.map(|file| Ownership { _locked: file }))
}

/// Takes an unclaimed `attempt` out of play, for good. `false` if somebody else has it: then it
/// is to be watched on.
pub fn abandon(attempt: &AttemptDir) -> Result<bool, OwnershipError> {
    take_out(attempt, OwnerKind::Supervisor)
}

/// The same for an attempt that its executor did not take.
pub fn refuse(attempt: &AttemptDir) -> Result<bool, OwnershipError> {
    take_out(attempt, OwnerKind::Executor)
}

fn take_out(attempt: &AttemptDir, by: OwnerKind) -> Result<bool, OwnershipError> {
    // Whoever was to prepare it may have been killed before there was a folder.
    attempt.create().map_err(|source| OwnershipError::Make { path: attempt.owner(), source })?;
    make(attempt, by).map(|file| file.is_some())
}

/// What `attempt`'s claim says now.
pub fn probe(attempt: &AttemptDir) -> Result<OwnershipState, OwnershipError> {
    let path = attempt.owner();
    let failed = |source| OwnershipError::Probe { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(OwnershipState::Unowned),
        Err(e) => return Err(failed(e)),
    };
    let info: Owner = serde_json::from_reader(io::BufReader::new(&file))
        .map_err(|source| FileError::Malformed { path: path.clone(), source })?;
    if info.by != OwnerKind::Holder {
        return Ok(OwnershipState::Abandoned(info));
    }
    let here = Host::this();
    if here.same_boot(&info.host) {
        // A shared lock, gone when `file` is: it neither disturbs nor deceives another who looks.
        return match file.try_lock_shared() {
            Ok(()) => Ok(OwnershipState::Released(info)),
            Err(TryLockError::WouldBlock) => Ok(OwnershipState::Held(info)),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        };
    }
    // A lock of this machine's earlier boot went down with it.
    let rebooted = here.same_machine(&info.host);
    Ok(if rebooted { OwnershipState::Released(info) } else { OwnershipState::Unknown(info) })
}

/// Where `attempt` stands.
pub fn attempt_status(attempt: &AttemptDir) -> Result<AttemptStatus, OwnershipError> {
    // The claim first: a holder that was seen to be gone has written all it ever will.
    let claim = probe(attempt)?;
    let exit = attempt.read_exit()?;
    Ok(match (claim, exit) {
        (OwnershipState::Abandoned(info), _) => AttemptStatus::Abandoned(info),
        (_, Some(exit)) => AttemptStatus::Ended(exit),
        (OwnershipState::Unowned, None) => AttemptStatus::Unowned,
        (OwnershipState::Held(info), None) => AttemptStatus::Held(info),
        (OwnershipState::Released(info), None) => AttemptStatus::Lost(info),
        (OwnershipState::Unknown(info), None) => AttemptStatus::Unknown(info),
    })
}

/// The locked claim file; `None` if another was linked first.
fn make(attempt: &AttemptDir, by: OwnerKind) -> Result<Option<File>, OwnershipError> {
    let path = attempt.owner();
    let link = || {
        let (pid, time_ms) = (std::process::id(), clock::now_ms());
        let info = Owner { by, pid, host: Host::this(), time_ms };
        let mut aside = atomic_file::aside(&path)?;
        aside.write_all(&atomic_file::to_json(&info))?;
        aside.as_file().sync_all()?;
        aside.as_file().try_lock()?;
        match std::fs::hard_link(aside.path(), &path) {
            Ok(()) => {}
            // A network file system may have done it and lost the reply.
            Err(_) if aside.as_file().metadata()?.nlink() == 2 => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(e),
        }
        atomic_file::sync_folder(&path)?;
        Ok(Some(aside.into_file()))
    };
    link().map_err(|source| OwnershipError::Make { path: path.clone(), source })
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
    fn a_claim_is_held_exactly_as_long_as_it_lives() {
        let (_folder, attempt) = attempt();
        assert_eq!(probe(&attempt).unwrap(), OwnershipState::Unowned);
        let claim = acquire(&attempt).unwrap().unwrap();
        assert!(matches!(probe(&attempt).unwrap(), OwnershipState::Held(_)));
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Held(_)));
        assert!(acquire(&attempt).unwrap().is_none());
        assert!(!abandon(&attempt).unwrap());
        drop(claim);
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Lost(_)));
        assert!(acquire(&attempt).unwrap().is_none(), "a second holder after the first");
    }

    #[test]
    fn an_abandoned_attempt_is_nobodys() {
        let (_folder, attempt) = attempt();
        assert!(abandon(&attempt).unwrap());
        assert!(acquire(&attempt).unwrap().is_none());
        assert!(matches!(attempt_status(&attempt).unwrap(), AttemptStatus::Abandoned(_)));
    }

    #[test]
    fn another_machines_claim_is_unknown_and_an_earlier_boots_is_released() {
        let elsewhere = Host {
            name: "elsewhere".to_owned(),
            machine_id: Some("m".to_owned()),
            boot_id: Some("b".to_owned()),
        };
        let rebooted = Host { boot_id: Some("before".to_owned()), ..Host::this() };
        for (host, released) in [(elsewhere, false), (rebooted, true)] {
            let (_folder, attempt) = attempt();
            let info = Owner { by: OwnerKind::Holder, pid: 1, host, time_ms: 0 };
            atomic_file::write_json(&attempt.owner(), &info).unwrap();
            let expected = if released {
                OwnershipState::Released(info)
            } else {
                OwnershipState::Unknown(info)
            };
            assert_eq!(probe(&attempt).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_but_the_claim_is_left_in_the_folder() {
        let (folder, attempt) = attempt();
        let _claim = acquire(&attempt).unwrap().unwrap();
        assert!(acquire(&attempt).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
