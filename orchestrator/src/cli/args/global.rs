//! Flags of every verb.

use std::path::PathBuf;

use clap::Args;

/// Flags of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder of all runs.
    #[arg(long, global = true, env = "ORCH_RUNS", default_value = "runs", value_name = "DIR")]
    pub(crate) runs: PathBuf,
    /// Logs more; twice, everything. `ORCH_LOG` filters in detail (`ORCH_LOG=orchestrator=debug`).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Prints no messages except errors and failures.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Marks the process that `--detach` starts in the background.
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}
