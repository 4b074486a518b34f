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
    /// if it has no job.
    pub(crate) fn status(&mut self, attempt: &AttemptDir) -> Result<Option<JobStatus>, FileError> {
        if self.to_submit.contains(attempt) {
            return Ok(Some(JobStatus::Unknown));
        }
        if !self.jobs.contains_key(attempt)
            && let Some(job) = Job::read(attempt)?
        {
            self.jobs.insert(attempt.clone(), TrackedJob::submitted_before(job));
            self.interval.hurry();
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
