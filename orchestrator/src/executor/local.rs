//! Starts holders on this machine, each in a session of its own, so that neither a closed
//! terminal nor the end of this process affects them.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use experiments::regular_file;
use rustix::io::FdFlags;

use crate::run_dir::attempt::AttemptDir;
use crate::slots::Lease;

/// The holders that this process has started and not yet reaped.
#[derive(Debug)]
pub struct Local {
    program: PathBuf,
    holders: Vec<(AttemptDir, Child)>,
}

/// A holder could not be started; the attempt is as it was.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the holder of `{}`", attempt.display())]
pub struct StartError {
    attempt: PathBuf,
    source: io::Error,
}

impl Local {
    /// Holders are this program's own `hold`, also if its file has been replaced meanwhile.
    pub fn new() -> Self {
        Self::with_program("/proc/self/exe")
    }

    /// Holders are `program hold DIR`.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), holders: Vec::new() }
    }

    /// Starts the holder of `attempt`, which must be prepared. The holder and its worker get
    /// `lease`, so that it ends with the last of them.
    pub fn start(&mut self, attempt: &AttemptDir, lease: Lease) -> Result<(), StartError> {
        let holder = self
            .spawn(attempt.path(), &attempt.holder_log(), lease)
            .map_err(|source| StartError { attempt: attempt.path().to_owned(), source })?;
        self.holders.push((attempt.clone(), holder));
        Ok(())
    }

    /// Reaps ended holders and returns their attempts, completed or not. Call it regularly: until
    /// then an ended holder stays a zombie.
    pub fn reap(&mut self) -> Vec<AttemptDir> {
        self.holders
            .extract_if(.., |(_, holder)| !matches!(holder.try_wait(), Ok(None)))
            .map(|(attempt, _)| attempt)
            .collect()
    }

    fn spawn(&self, attempt: &Path, log: &Path, lease: Lease) -> io::Result<Child> {
        let log = regular_file::open_with(File::options().create(true).append(true), log)?;
        let mut command = Command::new(&self.program);
        command.arg0("orch").arg("hold").arg(std::path::absolute(attempt)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let slots = lease.into_descriptors();
        #[expect(
            unsafe_code,
            reason = "the closure only makes system calls and allocates nothing, as it must \
                      between fork and exec"
        )]
        unsafe {
            command.pre_exec(move || detach(&slots));
        }
        // This process's copies of the slots' descriptors close with `command`.
        command.spawn()
    }
}

/// Runs in the child, before it becomes the holder, which inherits the slots' locks.
fn detach(slots: &[OwnedFd]) -> io::Result<()> {
    rustix::process::setsid()?;
    for slot in slots {
        // Only in the child: another one that starts meanwhile must not inherit them.
        rustix::io::fcntl_setfd(slot, FdFlags::empty())?;
    }
    Ok(())
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}
