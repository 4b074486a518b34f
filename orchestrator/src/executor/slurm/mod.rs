//! Starts holders as jobs of a Slurm cluster. The files of an attempt are the truth about it; what
//! Slurm reports of its job is a hint where the files cannot know: whether a pending job may still
//! start a holder, and whether a holder on another machine still exists.
//!
//! Slurm's programs may take minutes while the controller is down. They run in the background, one
//! of each kind at a time, and nothing waits for them.

mod cancellation;
mod client;
mod job_file;
mod job_name;
mod job_state;
mod pending_reason;
mod poll;
mod poll_interval;
mod queue;
mod submission;
mod submission_task;
mod submit;
mod tracked_job;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use experiments::schema::executor::Slurm as Settings;
use experiments::schema::resources::Resources;
use tokio::task::JoinHandle;

pub(crate) use self::client::ClientError;
use self::poll_interval::PollInterval;
use self::queue::Cluster;
use self::submission_task::{Backoff, Plan, Submitting};
use self::tracked_job::TrackedJob;
use crate::platform::atomic_file::FileError;
use crate::platform::error_chain::chain;
use crate::platform::filesystem;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::{AttemptDir, StopMode};

pub(crate) use self::job_file::Job;
pub(crate) use self::job_state::{JobStatus, QueuedJob};
pub(crate) use self::queue::Queue;

/// Longest delay until a file that another machine has written is visible here. NFS clients
/// revalidate after a minute at most, unless they were configured otherwise.
const FILE_DELAY_ON_NETWORK: Duration = Duration::from_secs(65);

/// The same where all nodes are this machine.
const FILE_DELAY_HERE: Duration = Duration::from_millis(500);

/// The jobs of a run.
#[derive(Debug)]
pub(crate) struct Slurm {
    plan: Plan,
    file_delay: Duration,
    /// `None` until Slurm has answered for the first time.
    cluster: Option<Cluster>,
    to_submit: Vec<AttemptDir>,
    /// Attempts that were stopped before they were submitted.
    withdrawn: Vec<AttemptDir>,
    submitting: Option<Submitting>,
    querying: Option<JoinHandle<Result<(Cluster, Queue), ClientError>>>,
    cancelling: Option<JoinHandle<()>>,
    jobs: BTreeMap<AttemptDir, TrackedJob>,
    /// The last answer.
    queue: Option<Queue>,
    interval: PollInterval,
    /// The error of the last query, if it failed.
    unreachable: Option<String>,
    /// Set while submissions fail.
    backoff: Option<Backoff>,
}

/// An attempt that was not submitted, or that Slurm rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedAttempt {
    /// The attempt.
    pub attempt: AttemptDir,
    /// For people, with Slurm's own message.
    pub reason: String,
}

impl Slurm {
    /// The jobs of the run in `dir`, each of which is to have `resources`; none is known yet.
    pub(crate) fn new(
        dir: &RunDir,
        settings: Settings,
        resources: Resources,
        grace: Duration,
    ) -> Self {
        let run = std::path::absolute(dir.path()).unwrap_or_else(|_| dir.path().to_owned());
        Self {
            file_delay: filesystem::network(dir.path())
                .map_or(FILE_DELAY_HERE, |_| FILE_DELAY_ON_NETWORK),
            interval: PollInterval::new(settings.poll.0),
            plan: Plan {
                settings,
                resources,
                grace_secs: grace.as_secs(),
                run,
                orch: std::env::current_exe().ok(),
            },
            cluster: None,
            to_submit: Vec::new(),
            withdrawn: Vec::new(),
            submitting: None,
            querying: None,
            cancelling: None,
            jobs: BTreeMap::new(),
            queue: None,
            unreachable: None,
            backoff: None,
        }
    }

    /// `Err` with the reason, for people, while nothing can be submitted.
    pub(crate) fn accepts_jobs(&self) -> Result<(), String> {
        let backoff = self.backoff.as_ref().filter(|backoff| backoff.until > Instant::now());
        match self.unreachable.as_ref().or(backoff.map(|backoff| &backoff.reason)) {
            Some(reason) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    /// Submits a prepared attempt with the next [`Slurm::poll`], in one array with all others that
    /// were started before it.
    pub(crate) fn start(&mut self, attempt: &AttemptDir) {
        self.to_submit.push(attempt.clone());
    }

    /// The status of the job of `attempt`, also of one that an earlier supervisor submitted; `None`
    /// if it has no job. A job that cannot be its own has ended for it.
    pub(crate) fn status(&mut self, attempt: &AttemptDir) -> Result<Option<JobStatus>, FileError> {
        if self.to_submit.contains(attempt) {
            return Ok(Some(JobStatus::Unknown));
        }
        if !self.jobs.contains_key(attempt) {
            match Job::read(attempt) {
                Ok(None) => {}
                Ok(Some(job)) => {
                    if let Some(original) = attempt.original() {
                        let original = original.display();
                        let why = format!("its job is that of `{original}`, of which it is a copy");
                        return Ok(Some(JobStatus::Ended(why)));
                    }
                    self.jobs.insert(attempt.clone(), TrackedJob::submitted_before(job));
                    self.interval.hurry();
                }
                Err(error) if error.is_damage() => {
                    return Ok(Some(JobStatus::Ended(chain(&error))));
                }
                Err(error) => return Err(error),
            }
        }
        let (queue, file_delay) = (self.queue.as_ref(), self.file_delay);
        Ok(self.jobs.get_mut(attempt).map(|job| job.status(queue, file_delay)))
    }

    /// Passes the stop of an attempt, which its file already asks for, to Slurm with the next
    /// [`Slurm::poll`]: an attempt in line is not submitted, a pending job is cancelled, and the
    /// holder in a running one is signalled.
    pub(crate) fn cancel(&mut self, attempt: &AttemptDir, mode: StopMode) {
        self.withdrawn.extend(self.to_submit.extract_if(.., |waiting| waiting == attempt));
        if let Some(job) = self.jobs.get_mut(attempt)
            && job.request_cancellation(mode)
        {
            self.interval.hurry();
        }
    }

    /// Stops tracking the job of an attempt that is over.
    pub(crate) fn forget(&mut self, attempt: &AttemptDir) {
        self.jobs.remove(attempt);
    }

    /// Collects the results of Slurm's programs that have ended, and starts those that are due.
    /// Returns the attempts that were not submitted.
    pub(crate) async fn poll(&mut self) -> Vec<RejectedAttempt> {
        let mut rejected = self.finish_submission().await;
        self.finish_query().await;
        rejected.extend(self.withdraw());
        self.submit();
        self.send_cancellations().await;
        self.query();
        rejected
    }
}

/// Asks Slurm whether it would ever accept a job with these options; submits nothing.
pub(crate) fn test_submission(
    settings: &Settings,
    resources: &Resources,
    grace: Duration,
) -> Result<(), ClientError> {
    let options = submission::options(settings, resources, grace.as_secs());
    let test_only = ["--test-only".to_owned(), "--wrap=true".to_owned()];
    client::call("sbatch", test_only.into_iter().chain(options)).map(drop)
}

/// Reads the queue once, for verbs that only show it.
pub(crate) fn read_queue() -> Result<Queue, ClientError> {
    Queue::read(&Cluster::read()?.name)
}

/// The result of a background task that has ended.
async fn result_of<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use experiments::protocol::trial::ENV_EVENTS;

    use super::*;
    use crate::run_dir::attempt::Command;

    fn slurm(folder: &std::path::Path) -> Slurm {
        let run = RunDir::new(folder, "run");
        Slurm::new(&run, Settings::default(), Resources::default(), Duration::ZERO)
    }

    /// An attempt in `folder` that was submitted.
    fn submitted(folder: &std::path::Path) -> AttemptDir {
        let attempt = AttemptDir::new(folder, 1);
        let events = attempt.events().to_string_lossy().into_owned();
        let env = [(ENV_EVENTS.to_owned(), events)].into();
        attempt.prepare(&Command { env, ..Command::default() }).unwrap();
        let (cluster, name) = ("one".to_owned(), "run-1f2e3d4c".to_owned());
        Job { cluster, name, index: 0 }.write(&attempt).unwrap();
        attempt
    }

    #[test]
    fn a_copied_attempt_has_no_job_and_a_moved_one_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = submitted(&folder.path().join("trial"));
        assert_eq!(slurm(folder.path()).status(&attempt).unwrap(), Some(JobStatus::Unknown));
        let (copy, moved) = (folder.path().join("copy"), folder.path().join("moved"));
        for name in ["command.json", "job.json"] {
            std::fs::create_dir_all(copy.join("attempt-1")).unwrap();
            let to = copy.join("attempt-1").join(name);
            std::fs::copy(attempt.path().join(name), to).unwrap();
        }
        let mut slurm = slurm(folder.path());
        let copy = AttemptDir::new(&copy, 1);
        let status = slurm.status(&copy).unwrap();
        assert!(matches!(status, Some(JobStatus::Ended(why)) if why.contains("trial/attempt-1")));
        slurm.cancel(&copy, StopMode::Immediate);
        assert!(slurm.jobs.is_empty(), "the original's job would be cancelled");
        std::fs::rename(folder.path().join("trial"), &moved).unwrap();
        let moved = AttemptDir::new(&moved, 1);
        assert_eq!(slurm.status(&moved).unwrap(), Some(JobStatus::Unknown));
    }

    #[test]
    fn a_damaged_job_file_is_named_and_ends_only_its_attempt() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = submitted(&folder.path().join("trial"));
        std::fs::write(attempt.job(), "garbage").unwrap();
        let status = slurm(folder.path()).status(&attempt).unwrap();
        assert!(
            matches!(status, Some(JobStatus::Ended(why)) if why.contains("attempt-1/job.json"))
        );
    }
}
