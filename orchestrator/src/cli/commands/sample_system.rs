//! `orch sample-system DIR HOLDER`: samples the use of CPU, memory and GPUs by the worker of one attempt.

use std::path::Path;

use experiments::protocol::exit;
use rustix::process::Pid;

use super::error::Result;
use crate::executor::system_sampler;
use crate::run_dir::attempt::AttemptDir;

/// Runs the verb.
pub(super) fn run(attempt: &Path, holder: i32) -> Result<u8> {
    if let Some(holder) = Pid::from_raw(holder) {
        system_sampler::sample(&AttemptDir::at(attempt), holder)?;
    }
    Ok(exit::OK)
}
