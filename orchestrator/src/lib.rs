//! The command line, the supervisor and what it stores.

pub mod attempt;
mod by_hand;
pub mod catch_up;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod core;
pub mod display;
pub mod durable;
pub mod executor;
pub mod holder;
pub mod host;
pub mod journal;
pub mod log_end;
pub mod plan;
pub mod programs;
pub mod records;
pub mod requests;
pub mod resolved;
pub mod run_dir;
pub mod selector;
pub mod slots;
pub mod store;
pub mod supervisor;
pub mod tail;
pub mod trial_files;
