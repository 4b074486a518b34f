//! The command line: its arguments, the verb behind each, and the checks of `orch doctor`.

pub mod args;
pub mod commands;
mod doctor;
mod selector;
