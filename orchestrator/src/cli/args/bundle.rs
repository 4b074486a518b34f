//! Arguments of the verbs for bundles.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `orch bundle`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(crate) struct Bundle {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub(crate) run: Option<String>,
    /// The file to write, or, if the name does not end in `.zip`, the folder; `RUN.orch.zip` here if absent.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Adds the output of the workers.
    #[arg(long)]
    pub(crate) logs: bool,
    /// Adds the checkpoints that are still there.
    #[arg(long)]
    pub(crate) checkpoints: bool,
    /// Adds all artifacts; those that the report shows are always in it.
    #[arg(long)]
    pub(crate) artifacts: bool,
    /// Signs it with this secret key of minisign; an encrypted one's password is asked for.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// Says that a variable that `worker.env` sets is no secret, although its name looks like one. May be
    /// given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) not_secret: Vec<String>,
    /// Draws results of different builds of the worker, or made before the data changed, in one
    /// table, and says so below it.
    #[arg(long)]
    pub(crate) accept_code_change: bool,
    /// Accepts a report with missing trials; its cells are marked all the same.
    #[arg(long)]
    pub(crate) allow_partial: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `orch verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The bundle, a file or a folder, which is only read.
    pub(crate) bundle: PathBuf,
    /// Verifies its signature by this public key of minisign, or by the one in this file.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Trains parts of trials again, so many, drawn at random (1 if no number is given), each from one of the
    /// bundle's checkpoints to the next or to the end, and compares weights, moments, points and final values.
    /// This runs the bundle's commands, relative to the current folder.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) execute: Option<u32>,
    /// The largest relative difference that is accepted of `--execute` where the build, the device or the
    /// processor is another one than the trial's; on the same ones every bit must agree.
    #[arg(long, value_name = "X", default_value_t = 1e-3, requires = "execute", value_parser = tolerance)]
    pub(crate) tolerance: f64,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A number from 0 to 1.
fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("a tolerance is a number from 0 to 1, such as 1e-3".to_owned()),
    }
}
