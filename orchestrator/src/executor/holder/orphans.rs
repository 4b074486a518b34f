//! Ends the orphans of a worker: descendants that are still running when it has ended.
//!
//! A living holder is a subreaper: descendants of its worker, also those in sessions of their own,
//! become its children when their parents end. After a killed holder they are recognised by the
//! environment that they were started with.

use std::ffi::OsStr;
use std::time::Duration;

use experiments::protocol::trial::ENV_EVENTS;
use procfs::process::{Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::signals::Signals;
use super::worker::Worker;
use crate::platform::atomic_file::FileError;
use crate::run_dir::attempt::AttemptDir;

/// Longest wait for killed processes between two polls.
const POLL: Duration = Duration::from_millis(20);

/// Reaps ended children other than `worker`, whose own parents did not.
pub(super) fn reap_orphans(worker: Pid) {
    for orphan in children().filter(|pid| *pid != worker) {
        let _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
    }
}

/// Kills the ended `worker`'s process group and all its descendants, waits until they are gone
/// and returns their number.
pub(super) fn end_descendants(worker: &Worker, signals: &Signals) -> u32 {
    // While the worker is a zombie its group's id cannot be another's; its end was waited for.
    worker.kill_group();
    let mut ended = 0;
    loop {
        // Our unreaped children's ids cannot be another's either.
        for child in children() {
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, _))) => ended += u32::from(pid != worker.pid()),
                Ok(None) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return ended,
            }
        }
        signals.wait(POLL);
    }
}

/// Kills the orphans of `attempt` on this machine after its holder was killed, and returns their
/// number. Call it when the attempt is found lost, before the trial continues.
///
/// They are recognised by [`ENV_EVENTS`] in the environment that they were started with, so the
/// attempt's command must have set it.
pub fn end_orphans(attempt: &AttemptDir) -> Result<u32, FileError> {
    let command = attempt.read_command()?;
    let Some(events) = command.as_ref().and_then(|c| c.env.get(ENV_EVENTS)) else { return Ok(0) };
    let mut ended = 0;
    for process in processes() {
        // Opened before the environment is read, so that its id cannot become another's in between.
        let Some(pid) = Pid::from_raw(process.pid) else { continue };
        let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let Ok(environment) = process.environ() else { continue };
        if environment.get(OsStr::new(ENV_EVENTS)).is_some_and(|value| value == events.as_str()) {
            let killed = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
            ended += u32::from(killed.is_ok());
        }
    }
    Ok(ended)
}

/// This process's children, ended ones too.
fn children() -> impl Iterator<Item = Pid> {
    let parent = rustix::process::getpid().as_raw_nonzero().get();
    processes()
        .filter(move |process| process.stat().is_ok_and(|stat| stat.ppid == parent))
        .filter_map(|process| Pid::from_raw(process.pid))
}

fn processes() -> impl Iterator<Item = Process> {
    all_processes().into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_found_whatever_bytes_its_name_has() {
        let folder = tempfile::tempdir().unwrap();
        // The kernel names a process after the path that it was started by.
        let program = folder.path().join(OsStr::from_bytes(b") \xff ("));
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        let mut child =
            Command::new(program).args(["-c", "read line"]).stdin(Stdio::piped()).spawn().unwrap();
        let found = children().any(|pid| pid == Pid::from_child(&child));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
    }
}
