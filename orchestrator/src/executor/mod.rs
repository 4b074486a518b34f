//! Executors: how a holder gets started for a prepared attempt. StopRequest is the same for all:
//! [`crate::run_dir::attempt::AttemptDir::request_stop`], which an executor may hasten.

pub mod holder;
mod local;
pub mod slurm;
pub(crate) mod worker_program;

pub use local::{Local, StartError};
pub use slurm::Slurm;
