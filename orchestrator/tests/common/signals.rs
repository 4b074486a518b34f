//! Signals to other processes.

use std::process::Command;

/// Sends a signal, named as `kill` names its options; `false` if the process no longer exists.
pub(crate) fn try_signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").args([name, &pid.to_string()]).output();
    sent.unwrap().status.success()
}
