//! The worker's command line.

mod allocator;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use experiments::protocol::exit::WORKER_CONFIG_WRONG;
use experiments::protocol::trial::{ENV_TRIAL, FILE_NAME};
use tracing_subscriber::EnvFilter;
use worker::commands::info::Info;
use worker::commands::score::Score;
use worker::commands::upscale::Upscale;
use worker::{commands, device};

/// The crate's version, and the commit if the program was built in a repository.
static VERSION: LazyLock<String> = LazyLock::new(|| match commit::commit() {
    "" => env!("CARGO_PKG_VERSION").to_owned(),
    commit => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
});

/// Trains and measures one trial of a diffusion super-resolution experiment.
///
/// `orch` starts it and reads what it appends to its events file; run manually, `orch-worker train`
/// in a trial's folder does the same and prints the events.
#[derive(Parser)]
#[command(name = "orch-worker", version = VERSION.as_str(), about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a trial to its end, from its newest checkpoint if it has one.
    ///
    /// Events go to the file that `ORCH_EVENTS` names, else to standard output; checkpoints and
    /// pictures to `ORCH_CHECKPOINTS` and `ORCH_ARTIFACTS`, else to the folders that the trial names.
    /// SIGTERM requests a checkpoint and a stop (exit code 75).
    Train {
        /// The trial's file.
        #[arg(long, env = ENV_TRIAL, default_value = FILE_NAME)]
        trial: PathBuf,
    },
    /// Check configs: one JSON request per line in, one JSON reply per line out.
    Check,
    /// Score folders of super-resolved images against the true ones.
    ///
    /// Images of the same name (the path inside the folder, without extension) belong together. Each
    /// is scored as a trial's final measurement scores it, and the mean is over images;
    /// docs/metrics.md has every formula.
    ///
    /// Names without a partner, sizes that differ and files that cannot be read are all listed on
    /// standard error; nothing is scored then (exit code 2).
    ///
    /// For example: orch-worker score --sr results --hr faces/high --lr faces/low
    Score(Score),
    /// Super-resolve pictures with a checkpoint.
    ///
    /// A picture of any size is taken as the low-resolution image and enlarged by the factor that the model was trained for: 64×64 becomes 512×512 with a model from 16 to 128.
    /// Details are best near the size it was trained on; --reduce brings larger pictures there.
    ///
    /// For example: orch-worker upscale face.png --checkpoint
    /// runs/table1.demo/trials/sr4-s0-1f2e3d4c/checkpoints/step-0000000600.safetensors --out enlarged
    Upscale(Upscale),
    /// Describe a checkpoint: trial, step, sizes, last validation, config.
    Info(Info),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("ORCH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let code = match Arguments::parse().command {
        Command::Train { trial } => {
            device::open_cuda();
            commands::train::train(&trial)
        }
        Command::Check => match commands::check::check(io::stdin().lock(), io::stdout().lock()) {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!("{error:#}");
                WORKER_CONFIG_WRONG
            }
        },
        Command::Score(request) => commands::score::score(request),
        Command::Upscale(request) => commands::upscale::upscale(&request),
        Command::Info(request) => commands::info::info(&request),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
