//! Continues a holder that a signal has stopped (SIGSTOP), so that it does what is asked of it.

use std::fs;

use procfs::process::{ProcState, Process};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::platform::filesystem::id;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::Owner;

/// Sends SIGCONT to the holder of `attempt`, which `owner` names, if it is stopped. True if it was.
///
/// Call it for an owner on this machine that was found alive. A process id alone decides nothing: the
/// process must have the attempt's owner file open, as in another container the id is another's.
pub fn continue_stopped(attempt: &AttemptDir, owner: &Owner) -> bool {
    let Some(pid) = i32::try_from(owner.pid).ok().and_then(Pid::from_raw) else { return false };
    // Opened first, so that the id cannot become another's in between.
    let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let is_stopped = || {
        let process = Process::new(pid.as_raw_nonzero().get()).ok()?;
        let state = process.stat().ok()?.state().ok()?;
        Some(state == ProcState::Stopped && has_open(&process, attempt)?)
    };
    is_stopped() == Some(true) && rustix::process::pidfd_send_signal(&pidfd, Signal::CONT).is_ok()
}

/// True if `process` has the owner file of `attempt` open.
fn has_open(process: &Process, attempt: &AttemptDir) -> Option<bool> {
    let owner = id(&fs::metadata(attempt.owner()).ok()?);
    let open = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
    let mut open = open.flatten().filter_map(|entry| fs::metadata(entry.path()).ok());
    Some(open.any(|file| id(&file) == owner))
}
