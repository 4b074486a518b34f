//! Polling Slurm's queue.

use tokio::task::spawn_blocking;

use super::queue::{Cluster, Queue};
use super::{Slurm, result_of};

impl Slurm {
    /// Reads the queue, if that is due and a job is to be followed or submitted, or if Slurm did not
    /// respond the last time.
    pub(super) fn query(&mut self) {
        let waiting = self.unreachable.is_some() || !self.to_submit.is_empty();
        let of_interest = waiting || !self.jobs.is_empty();
        if self.querying.is_some() || !of_interest || !self.interval.is_due() {
            return;
        }
        let known = self.cluster.clone();
        self.querying = Some(spawn_blocking(move || {
            let cluster = known.map_or_else(Cluster::read, Ok)?;
            let queue = Queue::read(&cluster.name)?;
            Ok((cluster, queue))
        }));
    }

    pub(super) async fn finish_query(&mut self) {
        let Some(query) = self.querying.take_if(|query| query.is_finished()) else { return };
        match result_of(query).await {
            Ok((cluster, queue)) => {
                self.unreachable = None;
                let changed = self.queue.as_ref().is_none_or(|before| before.jobs != queue.jobs);
                self.interval.after_answer(changed);
                (self.cluster, self.queue) = (Some(cluster), Some(queue));
            }
            Err(error) => {
                self.interval.after_answer(false);
                self.unreachable = Some(format!("Slurm does not respond: {error}"));
            }
        }
    }
}
