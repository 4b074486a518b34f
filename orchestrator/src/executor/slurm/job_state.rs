//! Slurm's job states, and the three of ours that they amount to.

use serde::Serialize;

use super::pending_reason;

/// A job as `squeue` lists it, in Slurm's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct QueuedJob {
    /// `4711_3`.
    pub(super) id: String,
    pub(super) state: String,
    /// Empty while the job is pending.
    pub(super) nodes: String,
    pub(super) reason: String,
}

/// The status of a job as far as Slurm reports it, with an explanation for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobStatus {
    /// Slurm has not reported anything of use.
    Unknown,
    /// It has not been started; why not.
    Pending(String),
    /// Its processes exist, or will in a moment, or did until a moment ago.
    Running(String),
    /// It is over or forgotten; its last state.
    Ended(String),
}

/// States in which nothing of a job is left. Any other state, also an unknown one, is not an end.
const ENDED: [&str; 10] = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
];

/// States of a job that has not been started.
const PENDING: [&str; 5] = ["PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"];

impl QueuedJob {
    pub(super) fn status(&self) -> JobStatus {
        let Self { id, state, nodes, reason } = self;
        if self.is_pending() {
            JobStatus::Pending(format!("job {id} waits: {}", pending_reason::explain(reason)))
        } else if ENDED.contains(&state.as_str()) {
            JobStatus::Ended(format!("its job {id} is {state}"))
        } else {
            JobStatus::Running(format!("job {id} on {nodes}"))
        }
    }

    /// True if it can be cancelled without loss.
    pub(super) fn is_pending(&self) -> bool {
        PENDING.contains(&self.state.as_str())
    }
}
