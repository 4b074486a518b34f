//! One file per verb: what the command line asks for, done with the modules beside this folder.

mod attach;
mod compare;
mod db;
mod detach;
mod diff;
mod doctor;
mod error;
mod export;
mod gc;
mod hold;
mod import;
mod logs;
mod one_trial;
mod plan_text;
mod provenance;
mod query;
mod report;
mod retry;
mod run;
mod show;
mod skipped_lines;
mod status;
mod stop;
mod submit_request;
mod summary;
mod validated_run;
mod wait;
mod why;

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::process::ExitCode;

use serde::Serialize;

use self::error::Result;
use crate::cli::args::{Cli, Global, Verb};
use crate::display::text::harmless;

impl Cli {
    /// Runs the verb; an error goes to standard error.
    pub fn run(&self) -> ExitCode {
        match self.verb.run(&self.global) {
            Ok(code) => code.into(),
            Err(error) => {
                print_message(&format!("error: {}", error.chain()));
                error.exit_code().into()
            }
        }
    }
}

impl Verb {
    /// Runs the verb until its exit code is known.
    fn run(&self, global: &Global) -> Result<u8> {
        let verb: Pin<Box<dyn Future<Output = Result<u8>>>> = match self {
            Self::Run(arguments) => Box::pin(run::run(arguments, global)),
            Self::Attach(arguments) => Box::pin(attach::run(arguments, global)),
            Self::Wait(arguments) => Box::pin(wait::run(arguments, global)),
            Self::Status(arguments) => Box::pin(status::run(arguments, global)),
            Self::Show(arguments) => Box::pin(show::run(arguments, global)),
            Self::Diff(arguments) => Box::pin(diff::run(arguments, global)),
            Self::Logs(arguments) => Box::pin(logs::run(arguments, global)),
            Self::Why(arguments) => Box::pin(why::run(arguments, global)),
            Self::Stop(arguments) => Box::pin(stop::run(arguments, global)),
            Self::Retry(arguments) => Box::pin(retry::run(arguments, global)),
            Self::Gc(arguments) => Box::pin(gc::run(arguments, global)),
            Self::Report(arguments) => Box::pin(report::run(arguments, global)),
            Self::Compare(arguments) => Box::pin(compare::run(arguments, global)),
            Self::Query(arguments) => Box::pin(query::run(arguments, global)),
            Self::Export(arguments) => Box::pin(export::run(arguments, global)),
            Self::Import(arguments) => Box::pin(import::run(arguments, global)),
            Self::Doctor(arguments) => Box::pin(doctor::run(arguments, global)),
            Self::Db(arguments) => Box::pin(db::run(arguments, global)),
            // Without a runtime: the holder has one thread, which waits for its worker.
            Self::Hold { attempt } => return hold::run(attempt),
        };
        block_on(verb)?
    }
}

/// Runs `work` on a runtime of its own, on this thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

/// Prints data on standard output.
fn print(text: &str) -> io::Result<()> {
    write_out(&harmless(text))
}

/// Prints one JSON object on standard output.
fn print_json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    write_out(&escaped(&text))
}

/// JSON text without characters that a terminal interprets; they can only be within strings.
fn escaped(json: &str) -> String {
    json.chars()
        .map(|c| match c {
            c if c.is_control() && c != '\n' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

/// A closed pipe (`| head`) is not an error.
fn write_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a message for people on standard error.
fn print_message(text: &str) {
    // Standard error may be closed.
    drop(writeln!(io::stderr(), "{}", harmless(text)));
}
