//! Arguments of the verbs that look after machines, disks and databases.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `orch gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Shows what would be removed, and removes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// An experiment file, whose worker is looked at too.
    pub file: Option<PathBuf>,
    /// Its profile; the file's first if absent.
    #[arg(short, long, value_name = "NAME", requires = "file")]
    pub profile: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch db`.
#[derive(Debug, Args)]
pub struct Db {
    /// What to do.
    #[command(subcommand)]
    pub what: DbVerb,
}

/// What to do with a database.
#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Says whether it is sound and holds what the files say.
    Check {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        run: Option<String>,
    },
    /// Makes it again from the files, while no supervisor is at work.
    Rebuild {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        run: Option<String>,
    },
}
