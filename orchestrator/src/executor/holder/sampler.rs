//! Starts the process that samples the use of CPU, memory and GPUs, once the worker has run for a while.
//!
//! It is a process of its own since the driver of a GPU may hang, which the attempt's end must not wait for.

use std::process::{self, Stdio};
use std::time::Duration;

use rustix::process::Pid;

use crate::executor::system_sampler::first_wait;
use crate::run_dir::attempt::{AttemptDir, Command};

/// The sampler of one attempt.
#[derive(Debug)]
pub(super) struct Sampler {
    /// The worker's age at which it is started; `None` if it was, or is not to be.
    due: Option<Duration>,
    pid: Option<Pid>,
}

impl Sampler {
    pub(super) fn new(command: &Command) -> Self {
        let interval = command.sample_secs.map(Duration::from_secs_f64);
        Self { due: interval.map(first_wait), pid: None }
    }

    /// Starts it when it is time; `elapsed` is the worker's age. A failure costs the samples alone.
    pub(super) fn poll(&mut self, attempt: &AttemptDir, elapsed: Duration) {
        if self.due.is_none_or(|due| elapsed < due) {
            return;
        }
        self.due = None;
        // Also where the file of this program was replaced since.
        let child = process::Command::new("/proc/self/exe")
            .arg("sample-system")
            .arg(attempt.path())
            .arg(process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.pid = child.ok().map(|child| Pid::from_child(&child));
    }

    /// Its process; `None` if it was not started.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.pid
    }
}
