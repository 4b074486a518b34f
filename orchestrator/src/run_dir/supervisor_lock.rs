//! The locks of a run: one supervisor writes its records, and one process on each machine its
//! database.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{RunDir, RunDirError, database_path};
use crate::platform::clock;
use crate::platform::filesystem;
use crate::platform::host::Host;

/// How often a lock that seems to be held only briefly is tried again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The supervisor that is running a run, as it writes itself into the lock file, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// Its process id; 0 if the lock file is not readable as a record.
    pub(crate) pid: u32,
    /// The name of its machine.
    pub(crate) host: String,
    /// When it acquired the lock, in milliseconds since the Unix epoch.
    pub(crate) since_ms: i64,
}

impl fmt::Display for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { pid, host, since_ms } = self;
        write!(f, "process {pid} on {host}, since {}", clock::to_rfc3339(*since_ms))
    }
}

/// The right to write to a run's records; released when dropped, and by the kernel when the
/// process ends.
#[derive(Debug)]
pub struct SupervisorLock {
    run: File,
    path: PathBuf,
    #[expect(dead_code, reason = "held, never read")]
    database: Option<DatabaseLock>,
}

impl SupervisorLock {
    /// True if its file is still the one at its path: another one could be locked by another process.
    pub(crate) fn is_current(&self) -> bool {
        let (own, present) = (self.run.metadata().ok(), self.path.metadata().ok());
        own.as_ref().map(filesystem::id) == present.as_ref().map(filesystem::id)
    }
}

/// The right to write to this machine's database of a run. Where machines share the run's folder it
/// may be held beside a supervisor on another machine.
#[derive(Debug)]
pub(crate) struct DatabaseLock(#[expect(dead_code, reason = "held, never read")] File);

impl RunDir {
    /// Acquires the supervisor's lock, or fails with the supervisor that has it.
    pub fn lock(&self) -> Result<SupervisorLock, RunDirError> {
        let (pid, since_ms) = (std::process::id(), clock::now_ms());
        let supervisor = Supervisor { pid, host: Host::this().name.clone(), since_ms };
        self.acquire_locks(&serde_json::to_string(&supervisor).expect("plain data"))
    }

    /// Acquires the supervisor's lock only to bring the records up to date; whoever wants it
    /// meanwhile waits.
    pub(crate) fn lock_for_a_moment(&self) -> Result<SupervisorLock, RunDirError> {
        self.acquire_locks("")
    }

    /// The supervisor that is running the run; `None` if there is none.
    pub(crate) fn supervisor(&self) -> Option<Supervisor> {
        match self.lock_for_a_moment() {
            Err(RunDirError::Supervised { by, .. }) => Some(by),
            Ok(_) | Err(_) => None,
        }
    }

    /// True if a supervisor is running the run.
    pub(crate) fn is_supervised(&self) -> bool {
        self.supervisor().is_some()
    }

    /// Acquires the lock of a database that lies elsewhere, beside a supervisor that writes another;
    /// `None` if there is no such database, or its lock is held.
    pub(crate) fn lock_database_elsewhere(&self) -> Option<DatabaseLock> {
        self.acquire_database_lock("").ok().flatten()
    }

    fn acquire_locks(&self, content: &str) -> Result<SupervisorLock, RunDirError> {
        let path = self.supervisor_lock();
        let run = self.acquire(&path, content)?;
        Ok(SupervisorLock { run, path, database: self.acquire_database_lock(content)? })
    }

    fn acquire_database_lock(&self, content: &str) -> Result<Option<DatabaseLock>, RunDirError> {
        let path = database_path::lock(self.path())
            .map_err(|source| RunDirError::Io { path: self.database(), source })?;
        path.map(|path| self.acquire(&path, content).map(DatabaseLock)).transpose()
    }

    /// Locks the file at `path` and writes `content` to it.
    fn acquire(&self, path: &Path, content: &str) -> Result<File, RunDirError> {
        match lock_file(path, content) {
            Ok(Ok(file)) => Ok(file),
            Ok(Err(by)) => Err(RunDirError::Supervised { run: self.name(), by }),
            Err(source) => Err(RunDirError::Io { path: path.to_owned(), source }),
        }
    }
}

/// The locked file, or the supervisor that has locked it.
fn lock_file(path: &Path, content: &str) -> io::Result<Result<File, Supervisor>> {
    let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
    let mut before = String::new();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) => {}
            Err(e) => return Err(e.into()),
        }
        // Empty while another process only brings the records up to date, or is about to write its
        // name. And a name may be left from before: it counts if it is the same at the next try.
        let now = std::fs::read_to_string(path)?;
        if !now.is_empty() && now == before {
            let unknown = Supervisor { pid: 0, host: "this machine".to_owned(), since_ms: 0 };
            return Ok(Err(serde_json::from_str(&now).unwrap_or(unknown)));
        }
        before = now;
        std::thread::sleep(POLL_INTERVAL);
    }
    file.set_len(0)?;
    file.write_all(content.as_bytes())?;
    Ok(Ok(file))
}
