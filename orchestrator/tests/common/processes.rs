//! The processes that a test has started, directly or not: found in `/proc`, and killed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::signals::try_signal;
use super::wait::wait_for;

/// The holders of attempts in `folder`: whoever has an owner file open, by the name that it had before it was
/// linked into place.
pub(crate) fn holders(folder: &Path) -> Vec<u32> {
    let is_owner = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_bytes();
        path.starts_with(folder) && name.starts_with(b".owner.")
    };
    let owns = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| is_owner(&path))
    };
    all().filter(owns).collect()
}

/// Kills all processes of `folder`, supervisors and holders first, and waits for their end.
pub(crate) fn kill_all_of(folder: &Path) {
    wait_for("the end of all processes", || {
        let mut left = of(folder);
        left.sort_by_key(|pid| command_line(*pid).contains("fake-worker"));
        for pid in &left {
            // It may just have ended by itself.
            try_signal(*pid, "-KILL");
        }
        left.is_empty().then_some(())
    });
}

/// The running processes whose environment names `folder`: every `orch` started there, and its
/// descendants.
pub(crate) fn of(folder: &Path) -> Vec<u32> {
    let name = folder.as_os_str().as_bytes();
    all()
        .filter(|pid| {
            // A zombie's is empty.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(name.len()).any(|part| part == name)
        })
        .collect()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Program and arguments, each followed by a NUL.
pub(crate) fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into()
}
