//! One file per verb: what the command line asks for, done with the modules beside this folder.

pub mod attach;
pub mod compare;
pub mod db;
mod detach;
pub mod diff;
pub mod doctor;
pub mod export;
pub mod gc;
pub mod hold;
pub mod import;
pub mod logs;
mod one_trial;
mod plan_text;
mod provenance;
pub mod query;
pub mod report;
pub mod retry;
pub mod run;
pub mod show;
mod skipped_lines;
pub mod status;
pub mod stop;
mod submit_request;
mod summary;
pub mod wait;
pub mod why;

use std::future::Future;
use std::io::Write;

use experiments::protocol::exit;
use experiments::yaml::source::FileError;
use serde::Serialize;

use crate::cli::selector::SelectorError;
use crate::display::text::harmless;
use crate::executor::worker_program::ProgramError;
use crate::interop::import::ImportError;
use crate::run_dir::RunDirError;
use crate::slots::Infeasible;
use crate::store::sync::OpenError;

/// Runs a verb that waits for things. `orch hold` must not come here: it has one thread.
pub fn block_on(verb: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(verb)
}

/// The exit code of an error that ended a verb.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let run_dir =
        error.downcast_ref::<RunDirError>().or_else(|| match error.downcast_ref::<OpenError>() {
            Some(OpenError::RunDir(error)) => Some(error),
            _ => None,
        });
    match run_dir {
        Some(RunDirError::Supervised { .. }) => return exit::LOCKED,
        Some(RunDirError::NoSuchRun { .. } | RunDirError::NoRuns { .. }) => return exit::USAGE,
        _ => {}
    }
    if error.is::<report::mixed_builds::MixedBuilds>() {
        return exit::INCOMPLETE;
    }
    let usage = error.is::<FileError>()
        || error.is::<ProgramError>()
        || error.is::<Infeasible>()
        || error.is::<SelectorError>()
        || error.is::<logs::LogsError>()
        || error.is::<report::explain::ExplainError>()
        || error.is::<query::SelectError>()
        || error.is::<compare::CompareError>()
        || error.is::<import::ImportRequestError>()
        || error.is::<ImportError>()
        || error.is::<report::BesideError>()
        || error.is::<retry::RetryError>();
    if usage { exit::USAGE } else { exit::SOME_FAILED }
}

/// Prints data on standard output.
fn print(text: &str) -> anyhow::Result<()> {
    write_out(&harmless(text))
}

/// Prints one JSON object on standard output.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    write_out(&escaped(&text))
}

/// JSON leaves some characters as they are that terminals heed; they stand within strings only.
fn escaped(json: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// A closed pipe (`| head`) is no error of ours.
fn write_out(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Talks to the person at the terminal.
pub fn say(text: &str) {
    // Nobody listens if standard error is closed.
    drop(writeln!(std::io::stderr(), "{}", harmless(text)));
}
