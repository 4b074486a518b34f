//! Submitting attempts as arrays of jobs, and waiting longer and longer while Slurm rejects them.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::job_file::Job;
use super::job_name;
use super::submission_task::{Backoff, Submitting};
use super::tracked_job::TrackedJob;
use super::{RejectedAttempt, Slurm, result_of};
use crate::run_dir::attempt::AttemptDir;

/// Pause after the first rejected submission; doubled by each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_mins(5);

impl Slurm {
    /// Submits what has been started, as one array.
    pub(super) fn submit(&mut self) {
        if self.submitting.is_some() || self.to_submit.is_empty() {
            return;
        }
        // Known after the first query, which is due now.
        let Some(cluster) = self.cluster.clone() else { return };
        let count = self.to_submit.len().min(cluster.max_array_size);
        let attempts: Vec<_> = self.to_submit.drain(..count).collect();
        let name = job_name::unique(&self.plan.run);
        for (index, attempt) in (0..).zip(&attempts) {
            let job = Job { cluster: cluster.name.clone(), name: name.clone(), index };
            self.jobs.insert(attempt.clone(), TrackedJob::new(job));
        }
        let (plan, submitted) = (self.plan.clone(), attempts.clone());
        let task = spawn_blocking(move || plan.submit(&cluster.name, &name, &submitted));
        self.submitting = Some(Submitting { attempts, task });
    }

    /// The attempts of a submission that has just failed.
    pub(super) async fn finish_submission(&mut self) -> Vec<RejectedAttempt> {
        let Some(submitting) = self.submitting.take_if(|s| s.task.is_finished()) else {
            return Vec::new();
        };
        let Submitting { attempts, task } = submitting;
        let Err(error) = result_of(task).await else {
            self.backoff = None;
            for attempt in &attempts {
                if let Some(job) = self.jobs.get_mut(attempt) {
                    job.set_submitted();
                }
            }
            self.interval.hurry();
            return Vec::new();
        };
        let pause = match &self.backoff {
            Some(backoff) => (backoff.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        let reason = format!("Slurm rejects jobs now: {error}");
        let until = Instant::now() + pause;
        self.backoff = Some(Backoff { reason: reason.clone(), pause, until });
        for attempt in &attempts {
            self.forget(attempt);
        }
        attempts.into_iter().map(|attempt| RejectedAttempt::new(attempt, &reason)).collect()
    }

    /// The attempts that were stopped before they were submitted, and all that are in line while Slurm
    /// does not respond.
    pub(super) fn withdraw(&mut self) -> Vec<RejectedAttempt> {
        let stopped = "stopped before it was submitted";
        let withdrawn = self.withdrawn.drain(..);
        let mut rejected: Vec<_> =
            withdrawn.map(|attempt| RejectedAttempt::new(attempt, stopped)).collect();
        if let Some(reason) = &self.unreachable {
            let in_line = self.to_submit.drain(..);
            rejected.extend(in_line.map(|attempt| RejectedAttempt::new(attempt, reason)));
        }
        rejected
    }
}

impl RejectedAttempt {
    fn new(attempt: AttemptDir, reason: &str) -> Self {
        Self { attempt, reason: reason.to_owned() }
    }
}
