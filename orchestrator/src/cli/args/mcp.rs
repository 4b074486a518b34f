//! Arguments of `orch mcp`.

use clap::Args;

/// Arguments of `orch mcp`.
#[derive(Debug, Args)]
pub(crate) struct Mcp {
    /// Also offers the tools that run, stop and retry trials. A run executes the commands of its experiment
    /// file as the present user, on this machine and with all that this user may do.
    #[arg(long)]
    pub(crate) allow_run: bool,
}
