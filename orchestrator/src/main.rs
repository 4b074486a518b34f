//! `orch`: parses the command line, runs the verb and maps its outcome to an exit code.

use std::process::ExitCode;

use clap::Parser;
use orchestrator::cli::args::{Cli, Global, Verb};
use orchestrator::cli::commands;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli.global);
    let outcome = match &cli.verb {
        Verb::Hold { attempt } => commands::hold::run(attempt),
        Verb::Run(arguments) => commands::block_on(commands::run::run(arguments, &cli.global)),
        Verb::Attach(arguments) => {
            commands::block_on(commands::attach::run(arguments, &cli.global))
        }
        Verb::Wait(arguments) => commands::block_on(commands::wait::run(arguments, &cli.global)),
        Verb::Status(arguments) => {
            commands::block_on(commands::status::run(arguments, &cli.global))
        }
        Verb::Show(arguments) => commands::block_on(commands::show::run(arguments, &cli.global)),
        Verb::Diff(arguments) => commands::block_on(commands::diff::run(arguments, &cli.global)),
        Verb::Logs(arguments) => commands::block_on(commands::logs::run(arguments, &cli.global)),
        Verb::Why(arguments) => commands::block_on(commands::why::run(arguments, &cli.global)),
        Verb::Stop(arguments) => commands::block_on(commands::stop::run(arguments, &cli.global)),
        Verb::Retry(arguments) => commands::block_on(commands::retry::run(arguments, &cli.global)),
        Verb::Gc(arguments) => commands::block_on(commands::gc::run(arguments, &cli.global)),
        Verb::Doctor(arguments) => {
            commands::block_on(commands::doctor::run(arguments, &cli.global))
        }
        Verb::Db(arguments) => commands::block_on(commands::db::run(arguments, &cli.global)),
        Verb::Compare(arguments) => {
            commands::block_on(commands::compare::run(arguments, &cli.global))
        }
        Verb::Export(arguments) => {
            commands::block_on(commands::export::run(arguments, &cli.global))
        }
        Verb::Import(arguments) => {
            commands::block_on(commands::import::run(arguments, &cli.global))
        }
        Verb::Query(arguments) => commands::block_on(commands::query::run(arguments, &cli.global)),
        Verb::Report(arguments) => {
            commands::block_on(commands::report::run(arguments, &cli.global))
        }
    };
    match outcome {
        Ok(code) => code.into(),
        Err(error) => {
            commands::say(&format!("error: {error:#}"));
            commands::exit_code(&error).into()
        }
    }
}

fn log_to_stderr(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let filter = std::env::var("ORCH_LOG")
        .ok()
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("warn,orchestrator={level}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
