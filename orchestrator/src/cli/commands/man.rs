//! `orch man DIR`: a manual page for each command.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use experiments::protocol::exit;

use super::error::Result;
use crate::cli::args::Cli;

/// Runs the verb.
pub(super) fn run(folder: &Path) -> Result<u8> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    Ok(exit::OK)
}
