//! Starts holders as jobs of a Slurm cluster. The files of an attempt are the truth of it; what
//! Slurm says of its job is a hint where they cannot know more: whether a job that nobody has
//! claimed may still come, and whether a holder on another machine is still there.
//!
//! Slurm's programs take as long as they take, minutes where the controller is down. They run in the
//! background, one of each kind at a time, and nobody waits for them.

mod client;
mod job;
mod poll_interval;
mod queue;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use experiments::schema::executor::Slurm as Settings;
use experiments::schema::resources::Resources;
use tokio::task::{JoinHandle, spawn_blocking};

use self::job::Submission;
use self::poll_interval::Pace;
use self::queue::Cluster;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::platform::filesystem;
use crate::platform::hash::sha256;
use crate::platform::host::Host;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::attempt::StopMode;

pub use client::ClientError;
pub use job::Job;
pub use queue::{JobStatus, Listed, Queue};

/// How long a file that another machine has written may take to be seen here. NFS looks again after
/// a minute at most, if nobody has told it otherwise.
const LATE_ON_NETWORK: Duration = Duration::from_secs(65);

/// The same where all nodes are this machine.
const LATE_HERE: Duration = Duration::from_millis(500);

/// How long nothing is submitted after Slurm has refused something, at first.
const PAUSE: Duration = Duration::from_secs(5);

/// And at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The jobs of a run.
#[derive(Debug)]
pub struct Slurm {
    plan: Plan,
    late: Duration,
    cluster: Option<Cluster>,
    to_submit: Vec<AttemptDir>,
    /// Are not to be submitted any more.
    withdrawn: Vec<AttemptDir>,
    submitting: Option<Submitting>,
    asking: Option<JoinHandle<Result<(Cluster, Queue), ClientError>>>,
    cancelling: Option<JoinHandle<()>>,
    jobs: BTreeMap<AttemptDir, Tracked>,
    queue: Option<Queue>,
    pace: Pace,
    /// Why it could not be asked last.
    unreachable: Option<String>,
    refusal: Option<Refusal>,
}

/// What all submissions of a run share.
#[derive(Debug, Clone)]
struct Plan {
    settings: Settings,
    resources: Resources,
    grace_secs: u64,
    /// The run's folder, by its absolute path.
    run: PathBuf,
    /// This program's file, as long as it can be told: it may be replaced meanwhile.
    orch: Option<PathBuf>,
}

#[derive(Debug)]
struct Submitting {
    attempts: Vec<AttemptDir>,
    task: JoinHandle<Result<(), NotSubmitted>>,
}

/// An attempt that a job was given.
#[derive(Debug)]
struct Tracked {
    job: Job,
    /// An answer to a question of later than this must show the job, unless it is over; none while it
    /// is being submitted.
    since: Option<Instant>,
    /// When Slurm was first seen to know nothing of it any more.
    gone: Option<Instant>,
    /// How it was asked to stop, and whether Slurm has been told so.
    stop: Option<(StopMode, Told)>,
}

impl Tracked {
    /// What the last answer says of it, if it can be in that.
    fn status(&mut self, queue: Option<&Queue>, late: Duration) -> JobStatus {
        let heard = self.since.zip(queue).filter(|(since, queue)| queue.asked > *since);
        let Some((_, queue)) = heard else { return JobStatus::Unknown };
        let word = queue.status(&self.job);
        let JobStatus::Ended(_) = word else {
            self.gone = None;
            return word;
        };
        // What its holder wrote last may not be seen here yet.
        let gone = self.gone.get_or_insert_with(Instant::now);
        if gone.elapsed() >= late { word } else { JobStatus::Unknown }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    No,
    Yes,
}

/// Why Slurm took no job last, and how long it is left alone.
#[derive(Debug)]
struct Refusal {
    words: String,
    pause: Duration,
    until: Instant,
}

/// A submission that came to nothing.
#[derive(Debug, thiserror::Error)]
enum NotSubmitted {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot tell where the program `orch` is")]
    Program,
}

/// An attempt that Slurm did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The attempt.
    pub attempt: AttemptDir,
    /// Slurm's words.
    pub why: String,
}

impl Slurm {
    /// The jobs of the run in `dir`, each of which is to have `resources`; none is known yet.
    pub fn new(dir: &RunDir, settings: Settings, resources: Resources, grace: Duration) -> Self {
        let run = std::path::absolute(dir.path()).unwrap_or_else(|_| dir.path().to_owned());
        Self {
            late: filesystem::network(dir.path()).map_or(LATE_HERE, |_| LATE_ON_NETWORK),
            pace: Pace::new(settings.poll.0),
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
            asking: None,
            cancelling: None,
            jobs: BTreeMap::new(),
            queue: None,
            unreachable: None,
            refusal: None,
        }
    }

    /// Whether something can be submitted now, or why not.
    pub fn room(&self) -> Result<(), String> {
        let refusal = self.refusal.as_ref().filter(|refusal| refusal.until > Instant::now());
        let why = self.unreachable.as_ref().or(refusal.map(|refusal| &refusal.words));
        why.map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Has a prepared attempt submitted, with all others that are started in the same moment.
    pub fn start(&mut self, attempt: &AttemptDir) {
        self.to_submit.push(attempt.clone());
    }

    /// What is known of the job of `attempt`, also of one that was started before; `None` if it was
    /// given to none.
    pub fn status(&mut self, attempt: &AttemptDir) -> Result<Option<JobStatus>, FileError> {
        if self.to_submit.contains(attempt) {
            return Ok(Some(JobStatus::Unknown));
        }
        if !self.jobs.contains_key(attempt)
            && let Some(job) = Job::of(attempt)?
        {
            let tracked = Tracked { job, since: Some(Instant::now()), gone: None, stop: None };
            self.jobs.insert(attempt.clone(), tracked);
            self.pace.hurry();
        }
        let (queue, late) = (self.queue.as_ref(), self.late);
        Ok(self.jobs.get_mut(attempt).map(|tracked| tracked.status(queue, late)))
    }

    /// Hastens the stop of an attempt that has been asked to stop by a file: one that is not yet
    /// submitted is not, the job of one that has not begun is cancelled, and the holder of one that
    /// has looks at once.
    pub fn hasten(&mut self, attempt: &AttemptDir, mode: StopMode) {
        self.withdrawn.extend(self.to_submit.extract_if(.., |waiting| waiting == attempt));
        if let Some(tracked) = self.jobs.get_mut(attempt)
            && tracked.stop.is_none_or(|(asked, _)| asked < mode)
        {
            tracked.stop = Some((mode, Told::No));
            self.pace.hurry();
        }
    }

    /// An attempt is over: its job is of no interest any more.
    pub fn forget(&mut self, attempt: &AttemptDir) {
        self.jobs.remove(attempt);
    }

    /// Takes in what Slurm has answered, and asks and tells it what is due. Returns the attempts
    /// that it did not take.
    pub async fn tend(&mut self) -> Vec<Refused> {
        let mut refused = self.end_submission().await;
        self.take_answer().await;
        refused.extend(self.withdraw());
        self.submit();
        self.cancel().await;
        self.ask();
        refused
    }

    /// What is not to be submitted, and all that could be while Slurm does not answer.
    fn withdraw(&mut self) -> Vec<Refused> {
        let why = "it was stopped before it was submitted".to_owned();
        let withdrawn =
            self.withdrawn.drain(..).map(|attempt| Refused { attempt, why: why.clone() });
        let mut refused: Vec<_> = withdrawn.collect();
        if let Some(why) = &self.unreachable {
            let left = self.to_submit.drain(..);
            refused.extend(left.map(|attempt| Refused { attempt, why: why.clone() }));
        }
        refused
    }

    async fn end_submission(&mut self) -> Vec<Refused> {
        let Some(submitting) = self.submitting.take_if(|s| s.task.is_finished()) else {
            return Vec::new();
        };
        let Submitting { attempts, task } = submitting;
        match joined(task).await {
            Ok(()) => {
                self.refusal = None;
                for attempt in &attempts {
                    if let Some(tracked) = self.jobs.get_mut(attempt) {
                        tracked.since = Some(Instant::now());
                    }
                }
                self.pace.hurry();
                Vec::new()
            }
            Err(error) => {
                let pause =
                    self.refusal.as_ref().map_or(PAUSE, |r| (r.pause * 2).min(LONGEST_PAUSE));
                let why = format!("Slurm takes no jobs now: {error}");
                let (words, until) = (why.clone(), Instant::now() + pause);
                self.refusal = Some(Refusal { words, pause, until });
                let refused = |attempt: AttemptDir| {
                    self.forget(&attempt);
                    Refused { attempt, why: why.clone() }
                };
                attempts.into_iter().map(refused).collect()
            }
        }
    }

    async fn take_answer(&mut self) {
        let Some(asking) = self.asking.take_if(|asking| asking.is_finished()) else { return };
        match joined(asking).await {
            Ok((cluster, queue)) => {
                self.unreachable = None;
                let news = self.queue.as_ref().is_none_or(|before| before.jobs != queue.jobs);
                self.pace.answered(news);
                (self.cluster, self.queue) = (Some(cluster), Some(queue));
            }
            Err(error) => {
                self.pace.answered(false);
                self.unreachable = Some(format!("Slurm does not answer: {error}"));
            }
        }
    }

    /// Submits what has been started, as one array.
    fn submit(&mut self) {
        if self.submitting.is_some() || self.to_submit.is_empty() {
            return;
        }
        // Asked for in a moment.
        let Some(cluster) = self.cluster.clone() else { return };
        let count = self.to_submit.len().min(cluster.array);
        let attempts: Vec<_> = self.to_submit.drain(..count).collect();
        let name = unique_name(&self.plan.run);
        for (index, attempt) in (0..).zip(&attempts) {
            let job = Job { cluster: cluster.name.clone(), name: name.clone(), index };
            let tracked = Tracked { job, since: None, gone: None, stop: None };
            self.jobs.insert(attempt.clone(), tracked);
        }
        let (plan, given) = (self.plan.clone(), attempts.clone());
        let task = spawn_blocking(move || plan.submit(&cluster.name, &name, &given));
        self.submitting = Some(Submitting { attempts, task });
    }

    /// Tells Slurm which jobs are to stop, once it has shown that it has them.
    async fn cancel(&mut self) {
        if let Some(done) = self.cancelling.take_if(|task| task.is_finished()) {
            joined(done).await;
        }
        let Some(queue) = self.queue.as_ref().filter(|_| self.cancelling.is_none()) else { return };
        let (mut waiting, mut running, mut at_once) = (Vec::new(), Vec::new(), Vec::new());
        for Tracked { job, stop, .. } in self.jobs.values_mut() {
            let Some((mode, told)) = stop else { continue };
            let Some(listed) = queue.listed(job) else { continue };
            // One that still waits was not cancelled: Slurm may not have heard it.
            if *told == Told::Yes && !listed.waits() {
                continue;
            }
            *told = Told::Yes;
            match mode {
                StopMode::Immediate => at_once.push(listed.id.clone()),
                StopMode::Graceful if listed.waits() => waiting.push(listed.id.clone()),
                StopMode::Graceful => running.push(listed.id.clone()),
            }
        }
        if waiting.is_empty() && running.is_empty() && at_once.is_empty() {
            return;
        }
        self.pace.hurry();
        self.cancelling = Some(spawn_blocking(move || {
            // One that has begun meanwhile is not to be ended without a checkpoint.
            scancel(&["--state=PENDING"], &waiting);
            scancel(&["--batch", "--signal=USR1"], &running);
            scancel(&[], &at_once);
        }));
    }

    /// Asks about all jobs, if it is time and there are any, or whether it answers again.
    fn ask(&mut self) {
        let waits = self.unreachable.is_some() || !self.to_submit.is_empty();
        let of_interest = waits || !self.jobs.is_empty();
        if self.asking.is_some() || !of_interest || !self.pace.is_due() {
            return;
        }
        let known = self.cluster.clone();
        self.asking = Some(spawn_blocking(move || {
            let cluster = known.map_or_else(Cluster::ask, Ok)?;
            let queue = Queue::ask(&cluster.name)?;
            Ok((cluster, queue))
        }));
    }
}

impl Plan {
    /// Writes the jobs down and submits them.
    fn submit(
        &self,
        cluster: &str,
        name: &str,
        attempts: &[AttemptDir],
    ) -> Result<(), NotSubmitted> {
        let orch = self.orch.as_ref().ok_or(NotSubmitted::Program)?;
        let submission = Submission::new(&self.run, name);
        let absolute: Vec<_> = attempts.iter().map(AttemptDir::absolute).collect();
        submission.prepare(&absolute, orch, &self.settings)?;
        for (index, attempt) in (0..).zip(&absolute) {
            let job = Job { cluster: cluster.to_owned(), name: name.to_owned(), index };
            atomic_file::write_json(&attempt.job(), &job)?;
        }
        let Self { settings, resources, grace_secs, .. } = self;
        let arguments = submission.arguments(attempts.len(), settings, resources, *grace_secs);
        client::call("sbatch", arguments)?;
        Ok(())
    }
}

/// Asks Slurm whether it would ever take a job of a run that asks for this, and submits nothing.
pub fn try_out(
    settings: &Settings,
    resources: &Resources,
    grace: Duration,
) -> Result<(), ClientError> {
    let options = job::options(settings, resources, grace.as_secs());
    let nothing = ["--test-only".to_owned(), "--wrap=true".to_owned()];
    client::call("sbatch", nothing.into_iter().chain(options)).map(drop)
}

/// Asks Slurm about all jobs once, for verbs that only look.
pub fn look() -> Result<Queue, ClientError> {
    Queue::ask(&Cluster::ask()?.name)
}

/// The name of a submission: the run's, and what no other has.
fn unique_name(run: &Path) -> String {
    let (host, process, now) = (Host::this(), std::process::id(), clock::now_ms());
    let made = format!("{} {host:?} {process} {now}", run.display());
    let run = run.file_name().unwrap_or_default().to_string_lossy();
    format!("{run}-{}", &sha256(&made)[..8])
}

fn scancel(options: &[&str], jobs: &[String]) {
    if jobs.is_empty() {
        return;
    }
    // What it says of jobs that have just ended is no news, and whatever else went wrong shows when
    // the queue is looked at next.
    let words = options.iter().copied().chain(jobs.iter().map(String::as_str));
    if let Err(error) = client::call("scancel", words) {
        tracing::debug!("{error}");
    }
}

/// What a task that has ended came to.
async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
