//! A worker for tests: speaks the protocol and obeys the script in its config.
//!
//! `fake-worker` runs the trial, `fake-worker check` answers the check exchange, and
//! `fake-worker lease FOLDER CPUS,GPUS RESOURCES` leases slots as another supervisor would.

mod check;
mod lease;
mod script;
mod train;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => train::run(),
        ["check"] => check::run(),
        ["lease", folder, inventory, wanted] => lease::run(folder, inventory, wanted),
        other => panic!("fake-worker does not understand {other:?}"),
    }
}

/// The identity of this "build"; a test sets the variable to simulate a changed worker.
fn build() -> String {
    std::env::var("FAKE_WORKER_BUILD").unwrap_or_else(|_| "fake-1".to_owned())
}
