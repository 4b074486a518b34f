//! Cancelling jobs, each as gently as it was requested.

use tokio::task::spawn_blocking;

use super::{Slurm, client, result_of};
use crate::run_dir::attempt::StopMode;

impl Slurm {
    /// Has Slurm stop the jobs that are to be stopped, once its queue has them.
    pub(super) async fn send_cancellations(&mut self) {
        if let Some(ended) = self.cancelling.take_if(|task| task.is_finished()) {
            result_of(ended).await;
        }
        if self.cancelling.is_some() {
            return;
        }
        let Some(queue) = &self.queue else { return };
        let (mut pending, mut running, mut immediate) = (Vec::new(), Vec::new(), Vec::new());
        for tracked in self.jobs.values_mut() {
            let Some(cancellation) = &mut tracked.cancellation else { continue };
            let Some(job) = queue.job(&tracked.job) else { continue };
            // Sent again for a job that is still pending: Slurm may not have received it.
            if cancellation.sent && !job.is_pending() {
                continue;
            }
            cancellation.sent = true;
            match cancellation.mode {
                StopMode::Immediate => immediate.push(job.id.clone()),
                StopMode::Graceful if job.is_pending() => pending.push(job.id.clone()),
                StopMode::Graceful => running.push(job.id.clone()),
            }
        }
        if pending.is_empty() && running.is_empty() && immediate.is_empty() {
            return;
        }
        self.interval.hurry();
        self.cancelling = Some(spawn_blocking(move || {
            // A job that was started meanwhile must not end without a checkpoint.
            scancel(&["--state=PENDING"], &pending);
            scancel(&["--batch", "--signal=USR1"], &running);
            scancel(&[], &immediate);
        }));
    }
}

fn scancel(options: &[&str], jobs: &[String]) {
    if jobs.is_empty() {
        return;
    }
    // It fails for jobs that have just ended; any other failure shows in the next queue.
    let arguments = options.iter().copied().chain(jobs.iter().map(String::as_str));
    if let Err(error) = client::call("scancel", arguments) {
        tracing::debug!("{error}");
    }
}
