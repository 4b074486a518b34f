//! Arguments of the verbs for machines, disks and databases.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::completion;

/// Arguments of `orch ls`.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch rm`.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The run, by its full name: `table1.demo`.
    #[arg(add = completion::run())]
    pub(crate) run: String,
    /// Does not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Arguments of `orch gc`.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(add = completion::run())]
    pub(crate) run: Option<String>,
    /// Shows what would be removed, and removes nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// An experiment file, whose worker is checked too.
    #[arg(add = completion::file())]
    pub(crate) file: Option<PathBuf>,
    /// Its profile; the file's first if absent.
    #[arg(short, long, value_name = "NAME", requires = "file", add = completion::profile())]
    pub(crate) profile: Option<String>,
    /// Fetches the libtorch of `orch-worker` from PyPI if it is missing (530 MB), before the checks.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch db`.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// The subcommand.
    #[command(subcommand)]
    pub(crate) what: DbVerb,
}

/// Subcommands of `orch db`.
#[derive(Debug, Subcommand)]
pub(crate) enum DbVerb {
    /// Checks that it is intact and agrees with the files.
    Check {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        #[arg(add = completion::run())]
        run: Option<String>,
    },
    /// Rebuilds it from the files, while no supervisor is running.
    Rebuild {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        #[arg(add = completion::run())]
        run: Option<String>,
    },
}
