//! Runs a test again in a mount namespace of its own, where it may mount a small disk.

use std::env;
use std::process::{Command, ExitStatus};

/// Set for the test in its namespace.
const INSIDE: &str = "FAULTS_INSIDE";

/// True in the namespace.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs the test of this full name in a namespace; `None` where the system allows none.
pub(crate) fn run(name: &str) -> Option<ExitStatus> {
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut test = unshare();
    test.arg(env::current_exe().unwrap())
        .args(["--exact", name])
        .args(env::args().filter(|argument| argument == "--nocapture"))
        .env(INSIDE, "1");
    Some(test.status().unwrap())
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]);
    command
}
