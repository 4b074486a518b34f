//! The command line, the supervisor and what it stores.

mod bundle;
pub mod cli;
pub mod code;
pub mod display;
pub mod executor;
mod interop;
pub mod platform;
pub mod run_dir;
pub mod scheduler;
pub mod slots;
pub mod store;
pub mod supervisor;
mod tensorboard;
