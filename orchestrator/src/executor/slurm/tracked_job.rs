//! The job of an attempt as this supervisor follows it.

use std::time::{Duration, Instant};

use super::job_file::Job;
use super::job_state::JobStatus;
use super::queue::Queue;
use crate::run_dir::attempt::StopMode;

#[derive(Debug)]
pub(super) struct TrackedJob {
    pub(super) job: Job,
    /// `None` while the job is being submitted. A queue that was read later shows the job, unless it
    /// is over.
    submitted: Option<Instant>,
    /// When the queue first no longer had the job.
    ended_since: Option<Instant>,
    pub(super) cancellation: Option<Cancellation>,
}

#[derive(Debug)]
pub(super) struct Cancellation {
    pub(super) mode: StopMode,
    /// `scancel` was called with it.
    pub(super) sent: bool,
}

impl TrackedJob {
    /// A job that is being submitted.
    pub(super) fn new(job: Job) -> Self {
        Self { job, submitted: None, ended_since: None, cancellation: None }
    }

    /// A job that an earlier supervisor submitted.
    pub(super) fn submitted_before(job: Job) -> Self {
        Self { submitted: Some(Instant::now()), ..Self::new(job) }
    }

    pub(super) fn set_submitted(&mut self) {
        self.submitted = Some(Instant::now());
    }

    /// The job's status in `queue`, if the job can be in it. An end counts only after `file_delay`:
    /// what the job's holder wrote last may not be visible here before.
    pub(super) fn status(&mut self, queue: Option<&Queue>, file_delay: Duration) -> JobStatus {
        let (Some(submitted), Some(queue)) = (self.submitted, queue) else {
            return JobStatus::Unknown;
        };
        if queue.read_at <= submitted {
            return JobStatus::Unknown;
        }
        let status = queue.status(&self.job);
        let JobStatus::Ended(_) = status else {
            self.ended_since = None;
            return status;
        };
        let ended_since = self.ended_since.get_or_insert_with(Instant::now);
        if ended_since.elapsed() >= file_delay { status } else { JobStatus::Unknown }
    }

    /// True if `mode` is graver than what was requested before.
    pub(super) fn request_cancellation(&mut self, mode: StopMode) -> bool {
        let graver = self.cancellation.as_ref().is_none_or(|requested| requested.mode < mode);
        if graver {
            self.cancellation = Some(Cancellation { mode, sent: false });
        }
        graver
    }
}
