//! The command line: its arguments, the verb behind each, completions, and the checks of `orch doctor`.

mod args;
mod commands;
mod completion;
mod doctor;
mod selector;

pub use args::Cli;
pub use commands::{block_on, complete};
