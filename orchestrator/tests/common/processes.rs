//! Every process that a test's folder has to do with, found from outside, and its end.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use super::wait::wait_for;

/// Sends a signal; `false` if there is no such process any more.
pub(crate) fn try_signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").args([name, &pid.to_string()]).output();
    sent.unwrap().status.success()
}

/// Holders in `folder`.
pub(crate) fn holders(folder: &Path) -> Vec<u32> {
    of(folder).into_iter().filter(|pid| command_line(*pid).contains("orch\0hold\0")).collect()
}

/// Kills what runs in `folder`, supervisors and holders first, and waits until nothing does.
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

/// Processes that live and whose environment names `folder`: all that `orch` was started for
/// there, and all that those started.
pub(crate) fn of(folder: &Path) -> Vec<u32> {
    let name = folder.as_os_str().as_bytes();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            // A zombie's is empty.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(name.len()).any(|part| part == name)
        })
        .collect()
}

/// Program and arguments, each followed by a NUL.
pub(crate) fn command_line(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into()
}
