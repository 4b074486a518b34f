//! `orch hold DIR`: carries one attempt to its end.

use std::path::Path;

use experiments::exit;

use crate::attempt::AttemptDir;
use crate::holder::{self, Held};

/// Runs the verb.
pub fn run(attempt: &Path) -> anyhow::Result<u8> {
    Ok(match holder::hold(&AttemptDir::at(attempt))? {
        Held::ToTheEnd => exit::OK,
        Held::NotOurs => exit::LOCKED,
    })
}
