//! `orch hold DIR`: carries one attempt to its end.

use std::path::Path;

use experiments::protocol::exit;

use crate::executor::holder::{self, Held};
use crate::run_dir::attempt::AttemptDir;

/// Runs the verb.
pub fn run(attempt: &Path) -> anyhow::Result<u8> {
    Ok(match holder::hold(&AttemptDir::at(attempt))? {
        Held::Completed => exit::OK,
        Held::OwnedByAnother => exit::LOCKED,
    })
}
