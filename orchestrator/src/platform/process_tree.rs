//! Processes, and those that they have started.

use std::fs;

use procfs::process::{Process, all_processes};
use rustix::process::Pid;

/// The children of process `pid`, also those that have ended and were not waited for.
pub(crate) fn children(pid: Pid) -> Vec<Pid> {
    // Not every kernel has the lists.
    listed_children(pid).unwrap_or_else(|| children_among_all(pid))
}

/// By the lists of the threads, each of which has its own.
fn listed_children(pid: Pid) -> Option<Vec<Pid>> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        // A thread may end meanwhile.
        let list = thread.path().join("children");
        match fs::read_to_string(&list) {
            Ok(listed) => children.extend(listed.split_ascii_whitespace().filter_map(parse)),
            Err(_) if list.parent().is_some_and(|thread| !thread.exists()) => {}
            Err(_) => return None,
        }
    }
    Some(children)
}

fn children_among_all(parent: Pid) -> Vec<Pid> {
    processes()
        .filter(|process| {
            process.stat().is_ok_and(|stat| stat.ppid == parent.as_raw_nonzero().get())
        })
        .filter_map(|process| Pid::from_raw(process.pid))
        .collect()
}

fn parse(pid: &str) -> Option<Pid> {
    Pid::from_raw(pid.parse().ok()?)
}

/// Every process that this user may see.
pub(crate) fn processes() -> impl Iterator<Item = Process> {
    all_processes().into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::{self, Stdio};

    use super::*;

    #[test]
    fn a_child_is_found_whatever_bytes_its_name_has() {
        let folder = tempfile::tempdir().unwrap();
        // The kernel names a process after the path that it was started by.
        let program = folder.path().join(OsStr::from_bytes(b") \xff ("));
        std::os::unix::fs::symlink("/bin/sh", &program).unwrap();
        let mut child = process::Command::new(program)
            .args(["-c", "read line"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let this = rustix::process::getpid();
        let found = [children(this), children_among_all(this)]
            .map(|children| children.contains(&Pid::from_child(&child)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [true, true]);
    }
}
