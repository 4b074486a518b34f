//! Slurm's queue, read with one call of `squeue` for all jobs of this user.

use std::collections::BTreeMap;
use std::time::Instant;

use super::client::{self, ClientError};
use super::job_file::Job;
use super::job_state::{JobStatus, QueuedJob};

/// The cluster that Slurm's programs speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) name: String,
    /// Largest number of jobs in one array.
    pub(super) max_array_size: usize,
}

/// The output of one `squeue`.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    cluster: String,
    /// Before `squeue` was called: jobs that were submitted later may be missing.
    pub(super) read_at: Instant,
    /// By the names and array indices that `orch` gave.
    pub(super) jobs: BTreeMap<(String, u32), QueuedJob>,
}

/// Array index, state, id of the array, nodes, reason and name; the name last, for it may contain the
/// separator.
const FORMAT: &str = "%K|%T|%F|%N|%r|%j";

impl Cluster {
    /// Reads the cluster's configuration.
    pub(super) fn read() -> Result<Self, ClientError> {
        let config = client::call("scontrol", ["show", "config"])?;
        let name = value(&config, "ClusterName").ok_or_else(|| ClientError::Output {
            program: "scontrol",
            output: config.lines().take(3).collect::<Vec<_>>().join("; "),
        })?;
        // The largest index is one less; 0 or nothing means that arrays are disabled.
        let array = value(&config, "MaxArraySize").and_then(|n| n.parse().ok()).unwrap_or(1);
        Ok(Self { name: name.to_owned(), max_array_size: usize::max(array, 1) })
    }
}

/// The value of `key` in `key = value` lines.
fn value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    let line = config.lines().find(|line| line.split('=').next().unwrap_or("").trim() == key)?;
    Some(line.split_once('=')?.1.trim())
}

impl Queue {
    /// Reads all jobs of this user on `cluster`.
    pub(super) fn read(cluster: &str) -> Result<Self, ClientError> {
        let read_at = Instant::now();
        let user = rustix::process::getuid().as_raw().to_string();
        let all = ["--noheader", "--array", "--states=all", "--user", &user, "--format", FORMAT];
        let output = client::call("squeue", all)?;
        Ok(Self { cluster: cluster.to_owned(), read_at, jobs: parse(&output) })
    }

    /// `None` if the queue no longer has `job`, or is another cluster's.
    pub(crate) fn job(&self, job: &Job) -> Option<&QueuedJob> {
        if job.cluster != self.cluster {
            return None;
        }
        self.jobs.get(&(job.name.clone(), job.index))
    }

    /// A job that the queue no longer has is over; of another cluster's jobs nothing is known.
    pub(crate) fn status(&self, job: &Job) -> JobStatus {
        match self.job(job) {
            Some(queued) => queued.status(),
            None if job.cluster == self.cluster => {
                JobStatus::Ended("Slurm no longer lists its job".to_owned())
            }
            None => JobStatus::Unknown,
        }
    }
}

fn parse(output: &str) -> BTreeMap<(String, u32), QueuedJob> {
    output.lines().filter_map(parse_line).collect()
}

/// `None` for jobs that are not in an array, which are not ours.
fn parse_line(line: &str) -> Option<((String, u32), QueuedJob)> {
    let fields: Vec<_> = line.splitn(6, '|').map(str::trim).collect();
    let [index, state, array, nodes, reason, name] = fields[..] else { return None };
    let number: u32 = index.parse().ok()?;
    let job = QueuedJob {
        id: format!("{array}_{index}"),
        state: state.to_owned(),
        nodes: nodes.to_owned(),
        reason: reason.to_owned(),
    };
    Some(((name.to_owned(), number), job))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Slurm 22.05 prints it.
    const OUTPUT: &str = "\
0|RUNNING|41|n1|None|table1-1f2e3d4c
1|PENDING|41||Priority|table1-1f2e3d4c
2|CANCELLED|41||None|table1-1f2e3d4c
3|NODE_FAIL|41|n2|NodeDown|table1-1f2e3d4c
4|COMPLETING|41|n1|None|table1-1f2e3d4c
5|SOMETHING_NEW|41|n1|None|table1-1f2e3d4c
N/A|RUNNING|42|n2|None|somebody's | own
";

    fn status(cluster: &str, index: u32) -> JobStatus {
        let queue =
            Queue { cluster: "one".to_owned(), read_at: Instant::now(), jobs: parse(OUTPUT) };
        let (cluster, name) = (cluster.to_owned(), "table1-1f2e3d4c".to_owned());
        queue.status(&Job { cluster, name, index })
    }

    #[test]
    fn every_state_is_active_but_those_that_are_known_to_be_an_end() {
        assert_eq!(status("one", 0), JobStatus::Running("job 41_0 on n1".to_owned()));
        assert_eq!(
            status("one", 1),
            JobStatus::Pending(
                "job 41_1 waits: jobs of higher priority come first (Priority)".to_owned()
            )
        );
        assert_eq!(status("one", 2), JobStatus::Ended("its job 41_2 is CANCELLED".to_owned()));
        assert_eq!(status("one", 3), JobStatus::Ended("its job 41_3 is NODE_FAIL".to_owned()));
        assert!(
            matches!(status("one", 4), JobStatus::Running(_)),
            "its processes are still being ended"
        );
        assert!(
            matches!(status("one", 5), JobStatus::Running(_)),
            "an unknown state is not an end"
        );
        assert!(
            matches!(status("one", 6), JobStatus::Ended(_)),
            "a job that is not listed is over"
        );
    }

    #[test]
    fn another_cluster_knows_nothing_of_it() {
        assert_eq!(status("two", 6), JobStatus::Unknown);
        assert_eq!(status("two", 0), JobStatus::Unknown);
    }
}
