//! Flags of every verb.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

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
    /// Colours: `auto` is on a terminal, unless `NO_COLOR` is set, or if `FORCE_COLOR` is.
    #[arg(
        long,
        global = true,
        default_value = "auto",
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub(crate) color: Color,
    /// Marks the process that `--detach` starts in the background.
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// The choice to print text in colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On terminals, or as the environment says.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}
