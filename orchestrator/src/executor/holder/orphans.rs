//! Ends the orphans of a worker: descendants that are still running when it has ended.
//!
//! A living holder is a subreaper: descendants of its worker, also those in sessions of their own,
//! become its children when their parents end. After a killed holder they are recognised by the
//! environment that they were started with, or by the attempt's files that they can write to.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

use experiments::protocol::trial::ENV_EVENTS;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use procfs::process::Process;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::signals::Signals;
use super::worker::Worker;
use crate::platform::filesystem::{FileId, id};
use crate::platform::process_tree::{children, processes};
use crate::run_dir::attempt::{AttemptDir, Command};

/// Longest wait for killed processes between two polls.
const POLL: Duration = Duration::from_millis(20);

/// Most searches for processes that start each other, or that the kernel cannot end yet.
const MAX_SEARCHES: u32 = 50;

/// Reaps ended children other than `worker`, whose own parents did not.
pub(super) fn reap_orphans(worker: Pid) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Some(ended) = waitid(Id::All, peek).ok().and_then(|status| status.pid()) {
        let Some(orphan) = Pid::from_raw(ended.as_raw()).filter(|pid| *pid != worker) else {
            return;
        };
        let _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
    }
}

/// Kills the ended `worker`'s process group and all its descendants, waits until they are gone
/// and returns their number. The `sampler`, a child as well, is killed and not counted.
pub(super) fn end_descendants(worker: &Worker, sampler: Option<Pid>, signals: &Signals) -> u32 {
    // While the worker is a zombie its group's id cannot be another's; its end was waited for.
    worker.kill_group();
    let is_counted = |pid| pid != worker.pid() && Some(pid) != sampler;
    let mut ended = 0;
    let mut waits_for_sampler = 0;
    loop {
        // Our unreaped children's ids cannot be another's either.
        let children = children(rustix::process::getpid());
        for child in &children {
            let _ = rustix::process::kill_process(*child, Signal::KILL);
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, _))) => ended += u32::from(is_counted(pid)),
                Ok(None) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return ended,
            }
        }
        // The driver of a GPU may hang, and it with the driver; nothing waits for that.
        waits_for_sampler += u32::from(children.iter().all(|child| Some(*child) == sampler));
        if waits_for_sampler > MAX_SEARCHES {
            return ended;
        }
        signals.wait(POLL);
    }
}

/// Kills the processes of `attempt` on this machine after its holder was killed, and returns their
/// number. `command` is the attempt's; `None` if it is unknown. Call it when the attempt is found lost,
/// before the trial continues.
///
/// They are recognised by [`ENV_EVENTS`] in the environment that they were started with, and by a file
/// in the attempt's folder that they have open for writing: the worker hands such a descriptor, the mark,
/// down to all that it starts, along with the locks of its slots. Those of an attempt of which this is a
/// copy are left alone.
pub fn end_orphans(attempt: &AttemptDir, command: Option<&Command>) -> u32 {
    if command.is_some_and(|command| command.original(attempt.path()).is_some()) {
        return 0;
    }
    let events = command.and_then(|command| command.env.get(ENV_EVENTS));
    let files = files_of(attempt);
    let mut ended = BTreeSet::new();
    // Again, until none is left: one of them may just have started another, and they end in their time.
    for _ in 0..MAX_SEARCHES {
        let found: Vec<_> =
            processes().filter_map(|process| end_orphan(&process, events, &files)).collect();
        if found.is_empty() {
            break;
        }
        ended.extend(found);
        thread::sleep(POLL);
    }
    ended.len() as u32
}

/// Kills `process` if it is an orphan; returns its id if it was.
fn end_orphan(
    process: &Process,
    events: Option<&String>,
    files: &BTreeMap<FileId, File>,
) -> Option<i32> {
    let pid = Pid::from_raw(process.pid).filter(|pid| *pid != rustix::process::getpid())?;
    // Opened before it is looked at, so that its id cannot become another's in between.
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let is_named = || {
        let named = process.environ().ok()?.remove(OsStr::new(ENV_EVENTS))?;
        Some(named == events?.as_str())
    };
    if is_named() != Some(true) && !can_write_to(process.pid, files) {
        return None;
    }
    let killed = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
    killed.is_ok().then_some(process.pid)
}

/// The files in the folder of `attempt`, held as long as they are looked for: the inode of one that is removed
/// meanwhile would be given to a file of anybody. Hidden ones are left out: editors keep them open.
fn files_of(attempt: &AttemptDir) -> BTreeMap<FileId, File> {
    let entries = fs::read_dir(attempt.path()).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .filter_map(|entry| {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::open(entry.path(), flags, Mode::empty()).ok()?);
            let metadata = file.metadata().ok()?;
            metadata.is_file().then(|| (id(&metadata), file))
        })
        .collect()
}

/// True if the process has one of `files` open for writing.
fn can_write_to(pid: i32, files: &BTreeMap<FileId, File>) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.map(|entry| entry.path()).any(|descriptor| {
        // The link itself has the permissions that the file was opened with (proc_pid_fd(5)).
        descriptor.symlink_metadata().is_ok_and(|link| link.mode() & 0o200 != 0)
            && descriptor.metadata().is_ok_and(|file| files.contains_key(&id(&file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_that_is_made_later_is_taken_for_one_that_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::new(folder.path(), 1);
        fs::create_dir(attempt.path()).unwrap();
        fs::write(attempt.stdout(), "").unwrap();
        let files = files_of(&attempt);
        assert_eq!(files.len(), 1);
        fs::remove_file(attempt.stdout()).unwrap();
        for number in 0..100 {
            let later = folder.path().join(number.to_string());
            fs::write(&later, "").unwrap();
            assert!(!files.contains_key(&id(&later.metadata().unwrap())), "{number}");
        }
    }
}
