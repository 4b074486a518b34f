//! Executors: how the holder of a prepared attempt is started. Stopping is the same for all of them,
//! [`crate::run_dir::attempt::AttemptDir::request_stop`]; an executor only makes it faster.

pub(crate) mod fork_server;
pub mod holder;
mod local;
pub(crate) mod slurm;
pub(crate) mod system_sampler;
pub(crate) mod worker_program;

pub use self::local::{EndedHolder, Local};
