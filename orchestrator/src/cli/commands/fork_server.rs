//! `orch fork-server`: forks the holders of a supervisor, and is one of them in every process but the
//! first.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use experiments::protocol::exit;
use signal_hook::low_level;

use super::error::Result;
use super::hold;
use crate::executor::fork_server;
use crate::run_dir::attempt::AttemptDir;

/// Runs the verb.
pub(super) fn run() -> Result<u8> {
    let Some(mut holder) = fork_server::serve()? else { return Ok(exit::OK) };
    let log = AttemptDir::at(&holder.attempt).holder_log();
    let on_panic = log.clone();
    std::panic::set_hook(Box::new(move |panic| append(&on_panic, &panic.to_string())));
    let code = hold::hold(&holder.attempt, holder.code.take()).unwrap_or_else(|error| {
        append(&log, &format!("error: {}", error.chain()));
        error.exit_code()
    });
    // At once: what a holder frees of the server's memory it would have to copy first.
    low_level::exit(code.into())
}

/// Adds a line to a log that is made only for this: a holder has no other output.
fn append(log: &Path, text: &str) {
    let file = File::options().create(true).append(true).open(log);
    let _ = file.and_then(|mut file| writeln!(file, "{text}"));
}
