//! Ends what a worker leaves behind, so that nothing of an attempt computes on once it is over.
//!
//! A living holder is a subreaper: whatever the worker's descendants do, also in sessions of
//! their own, they become its children when their parents end. After a killed holder they are
//! known by the environment they were started with.

use std::time::Duration;

use experiments::protocol::trial::ENV_EVENTS;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::signals::Signals;
use super::worker::Worker;
use crate::platform::atomic_file::FileError;
use crate::run_dir::attempt::AttemptDir;

/// How long a killed process is waited for before the next look.
const PAUSE: Duration = Duration::from_millis(20);

/// Collects ended children other than `worker`, whose parents did not.
pub(super) fn reap_orphans(worker: Pid) {
    for orphan in children().filter(|pid| *pid != worker) {
        let _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
    }
}

/// Kills the ended `worker`'s process group and all its descendants, waits until they are gone
/// and returns how many there were.
pub(super) fn end_descendants(worker: &Worker, signals: &Signals) -> u32 {
    // While the worker is a zombie its group's id cannot be another's; its death was awaited.
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
        signals.wait(PAUSE);
    }
}

/// Kills what a killed holder left of `attempt` on this machine and returns how many processes
/// there were. Call it when the attempt is found lost, before the trial goes on.
///
/// They are known by [`ENV_EVENTS`] in the environment they were started with, so the attempt's
/// command must have set it.
pub fn end_orphans(attempt: &AttemptDir) -> Result<u32, FileError> {
    let command = attempt.read_command()?;
    let Some(events) = command.as_ref().and_then(|c| c.env.get(ENV_EVENTS)) else { return Ok(0) };
    let marker = format!("{ENV_EVENTS}={events}").into_bytes();
    let mut ended = 0;
    for pid in processes() {
        // Opened before it is looked at, so that it cannot become another process in between.
        let Ok(process) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
        let Ok(environment) = std::fs::read(path) else { continue };
        if environment.split(|byte| *byte == 0).any(|variable| variable == marker) {
            let killed = rustix::process::pidfd_send_signal(&process, Signal::KILL);
            ended += u32::from(killed.is_ok());
        }
    }
    Ok(ended)
}

/// Our children, ended ones too.
fn children() -> impl Iterator<Item = Pid> {
    let us = rustix::process::getpid();
    processes().filter(move |pid| parent(*pid) == Some(us))
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // "pid (name) state parent …", where the name may hold anything, parentheses too.
    let (_, after_name) = stat.rsplit_once(')')?;
    Pid::from_raw(after_name.split_whitespace().nth(1)?.parse().ok()?)
}
