//! `orch`: parses the command line, runs the verb and maps its outcome to an exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use experiments::exit;
use orchestrator::attempt::AttemptDir;
use orchestrator::holder::{self, Held};

/// Runs the experiments of a paper and draws its tables.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Carries one attempt to its end; started by executors.
    #[command(hide = true)]
    Hold {
        /// The attempt's folder.
        attempt: PathBuf,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().verb {
        Verb::Hold { attempt } => Ok(match holder::hold(&AttemptDir::at(attempt))? {
            Held::ToTheEnd => exit::OK.into(),
            Held::NotOurs => exit::LOCKED.into(),
        }),
    }
}
