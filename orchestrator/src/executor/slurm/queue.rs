//! Slurm's queue as one answer of `squeue` shows it: every job of this user, whatever the number, in
//! one question.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::client::{self, ClientError};
use super::job::Job;

/// The cluster that Slurm's programs speak to, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) name: String,
    /// Jobs of an array, at most.
    pub(super) array: usize,
}

/// An answer of `squeue`.
#[derive(Debug, Clone)]
pub struct Queue {
    cluster: String,
    /// When it was asked: what was submitted later cannot be in it.
    pub(super) asked: Instant,
    /// By the names and array indices that `orch` gave.
    pub(super) jobs: BTreeMap<(String, u32), Listed>,
}

/// A job as `squeue` lists it, in Slurm's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// `4711_3`.
    pub id: String,
    state: String,
    nodes: String,
    reason: String,
}

/// What Slurm says of a job, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Nothing that one could go by.
    Unknown,
    /// It waits, for this reason.
    Pending(String),
    /// Processes of it are there, or will be in a moment, or were until a moment ago.
    Running(String),
    /// It is over, or forgotten; as much of its end as Slurm tells.
    Ended(String),
}

/// States in which nothing of a job is left. Any other, also one that is not known, is not taken for
/// an end.
const OVER: [&str; 10] = [
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
const WAITING: [&str; 5] = ["PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"];

/// Name, array index, state, id of the array, nodes and reason; the name last, for it may hold what
/// separates them.
const FORMAT: &str = "%K|%T|%F|%N|%r|%j";

impl Cluster {
    /// Asks which one it is.
    pub(super) fn ask() -> Result<Self, ClientError> {
        let config = client::call("scontrol", ["show", "config"])?;
        let value = |key: &str| {
            let line =
                config.lines().find(|line| line.split('=').next().unwrap_or("").trim() == key);
            line.and_then(|line| Some(line.split_once('=')?.1.trim().to_owned()))
        };
        let name = value("ClusterName").ok_or_else(|| ClientError::Answer {
            program: "scontrol",
            answer: config.lines().take(3).collect::<Vec<_>>().join("; "),
        })?;
        // The largest index is one less, and 0 or nothing means that there are no arrays.
        let array = value("MaxArraySize").and_then(|n| n.parse().ok()).unwrap_or(1);
        Ok(Self { name, array: usize::max(array, 1) })
    }
}

impl Queue {
    /// Asks Slurm about all jobs of this user on `cluster`.
    pub(super) fn ask(cluster: &str) -> Result<Self, ClientError> {
        let asked = Instant::now();
        let user = rustix::process::getuid().as_raw().to_string();
        let every = ["--noheader", "--array", "--states=all", "--user", &user, "--format", FORMAT];
        let answer = client::call("squeue", every)?;
        Ok(Self { cluster: cluster.to_owned(), asked, jobs: parse(&answer) })
    }

    /// `job` as it is listed.
    pub fn listed(&self, job: &Job) -> Option<&Listed> {
        let own = job.cluster == self.cluster;
        self.jobs.get(&(job.name.clone(), job.index)).filter(|_| own)
    }

    /// What it says of `job`.
    pub fn status(&self, job: &Job) -> JobStatus {
        match self.listed(job) {
            Some(listed) => listed.status(),
            None if job.cluster == self.cluster => {
                JobStatus::Ended("Slurm no longer lists its job".to_owned())
            }
            None => JobStatus::Unknown,
        }
    }
}

fn parse(answer: &str) -> BTreeMap<(String, u32), Listed> {
    let job = |line: &str| {
        let fields: Vec<_> = line.splitn(6, '|').map(str::trim).collect();
        let [index, state, array, nodes, reason, name] = fields.as_slice() else { return None };
        let number: u32 = index.parse().ok()?;
        let listed = Listed {
            id: format!("{array}_{index}"),
            state: (*state).to_owned(),
            nodes: (*nodes).to_owned(),
            reason: (*reason).to_owned(),
        };
        Some((((*name).to_owned(), number), listed))
    };
    answer.lines().filter_map(job).collect()
}

impl Listed {
    fn status(&self) -> JobStatus {
        let Self { id, state, nodes, reason } = self;
        if self.waits() {
            JobStatus::Pending(format!("job {id} waits: {}", in_plain_words(reason)))
        } else if OVER.contains(&state.as_str()) {
            JobStatus::Ended(format!("its job {id} is {state}"))
        } else {
            JobStatus::Running(format!("job {id} on {nodes}"))
        }
    }

    /// Whether it has not been started, so that it can be cancelled without loss.
    pub(super) fn waits(&self) -> bool {
        WAITING.contains(&self.state.as_str())
    }
}

/// Slurm's reason why a job waits, as its manual explains it, and Slurm's own word for it.
fn in_plain_words(reason: &str) -> String {
    let words = match reason {
        "None" | "" => return "Slurm has not looked at it yet".to_owned(),
        "Priority" => "others come first",
        "Resources" => "no node has enough free",
        "BeginTime" => "it may not start before a set time",
        "JobArrayTaskLimit" => "as many of its array run as may",
        "JobHeldUser" => "somebody holds it; `scontrol release` lets it go",
        "JobHeldAdmin" => "an administrator holds it, or its start failed",
        "PartitionTimeLimit" => "the partition allows no such time; set a shorter `slurm.time`",
        "PartitionNodeLimit" => "the partition allows no such number of nodes",
        "PartitionDown" | "PartitionInactive" => "the partition starts no jobs now",
        "NodeDown" => "a node that it needs is down",
        "BadConstraints" => "no node has what it asks for; see `slurm.constraint` and `slurm.gres`",
        "Reservation" => "its reservation has not begun",
        "Licenses" => "a licence is missing",
        "AccountNotAllowed" | "InvalidAccount" => {
            "its account may not be used; set `slurm.account`"
        }
        "InvalidQOS" | "QOSNotAllowed" => "its quality of service may not be used; set `slurm.qos`",
        "DependencyNeverSatisfied" => "what it depends on can never come",
        _ if reason.starts_with("ReqNodeNotAvail") => {
            "the nodes that it needs are down or reserved"
        }
        _ if reason.starts_with("QOS") => "its quality of service has reached a limit",
        _ if reason.starts_with("Assoc") => "its account or user has reached a limit",
        _ => return format!("Slurm says `{reason}`"),
    };
    format!("{words} ({reason})")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Slurm 22.05 prints it.
    const ANSWER: &str = "\
0|RUNNING|41|n1|None|table1-1f2e3d4c
1|PENDING|41||Priority|table1-1f2e3d4c
2|CANCELLED|41||None|table1-1f2e3d4c
3|NODE_FAIL|41|n2|NodeDown|table1-1f2e3d4c
4|COMPLETING|41|n1|None|table1-1f2e3d4c
5|SOMETHING_NEW|41|n1|None|table1-1f2e3d4c
N/A|RUNNING|42|n2|None|somebody's | own
";

    fn queue() -> Queue {
        Queue { cluster: "one".to_owned(), asked: Instant::now(), jobs: parse(ANSWER) }
    }

    fn status(cluster: &str, index: u32) -> JobStatus {
        let (cluster, name) = (cluster.to_owned(), "table1-1f2e3d4c".to_owned());
        queue().status(&Job { cluster, name, index })
    }

    #[test]
    fn every_state_is_alive_but_those_that_are_known_to_be_an_end() {
        assert_eq!(status("one", 0), JobStatus::Running("job 41_0 on n1".to_owned()));
        assert_eq!(
            status("one", 1),
            JobStatus::Pending("job 41_1 waits: others come first (Priority)".to_owned())
        );
        assert_eq!(status("one", 2), JobStatus::Ended("its job 41_2 is CANCELLED".to_owned()));
        assert_eq!(status("one", 3), JobStatus::Ended("its job 41_3 is NODE_FAIL".to_owned()));
        assert!(
            matches!(status("one", 4), JobStatus::Running(_)),
            "its processes are still being ended"
        );
        assert!(matches!(status("one", 5), JobStatus::Running(_)), "what is not known is no end");
        assert!(matches!(status("one", 6), JobStatus::Ended(_)), "what is not listed is gone");
    }

    #[test]
    fn another_cluster_knows_nothing_of_it() {
        assert_eq!(status("two", 6), JobStatus::Unknown);
        assert_eq!(status("two", 0), JobStatus::Unknown);
    }

    #[test]
    fn reasons_keep_slurm_s_own_word() {
        for (reason, words) in [
            ("Resources", "no node has enough free (Resources)"),
            (
                "QOSMaxJobsPerUserLimit",
                "its quality of service has reached a limit (QOSMaxJobsPerUserLimit)",
            ),
            ("Unheard_of", "Slurm says `Unheard_of`"),
            ("None", "Slurm has not looked at it yet"),
        ] {
            assert_eq!(in_plain_words(reason), words);
        }
    }
}
