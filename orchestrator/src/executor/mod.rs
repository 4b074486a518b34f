//! Executors: how a holder gets started for a prepared attempt. Stopping is the same for all:
//! [`crate::attempt::AttemptDir::request_stop`], which an executor may hasten.

mod local;
pub mod slurm;

pub use local::{Local, StartError};
pub use slurm::Slurm;
