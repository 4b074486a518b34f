//! `orch`: parses the command line, runs the verb and ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use orchestrator::cli::Cli;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    orchestrator::cli::complete();
    let cli = Cli::parse();
    log_to_stderr(cli.log_level(), cli.set_colours());
    cli.run()
}

/// `ORCH_LOG` says in detail what is logged; without it this program's events from `level` on.
fn log_to_stderr(level: &str, coloured: bool) {
    let filter = std::env::var("ORCH_LOG")
        .ok()
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("warn,orchestrator={level}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(coloured)
        .init();
}
