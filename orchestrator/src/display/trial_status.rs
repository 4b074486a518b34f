//! A trial as it is recorded, and how it really stands: what people are shown, and choose by.

use crate::executor::slurm::{self, Job, JobStatus, QueuedJob};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::{self, AttemptStatus, OwnershipError};
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;
use crate::store::TrialRecord;

/// A trial as it is recorded, and how its attempt under way really stands.
#[derive(Debug)]
pub struct TrialStatus {
    /// As it is recorded.
    pub trial: TrialRecord,
    /// How its attempt under way stands, if it has one that we may look at.
    pub status: Option<AttemptStatus>,
    /// The job of that attempt, where it has one.
    pub(crate) job: Option<JobInfo>,
}

/// A cluster's job as the cluster shows it.
#[derive(Debug)]
pub(crate) struct JobInfo {
    /// As it is listed, if it is.
    pub listed: Option<QueuedJob>,
    /// The same for people, or why nobody knows.
    pub words: String,
    /// Whether the cluster knows that nothing is left of it.
    pub gone: bool,
}

impl TrialStatus {
    /// Looks at how `trial` of the run `dir` stands.
    pub fn new(trial: TrialRecord, dir: &RunDir) -> Result<Self, OwnershipError> {
        let attempt = trial.state.active_attempt();
        let attempt = attempt.map(|number| AttemptDir::new(&dir.trial(&trial.id), number));
        let status = attempt.map(|attempt| ownership::attempt_status(&attempt)).transpose();
        // Attempts are their user's alone; others see what is recorded.
        let status = match status {
            Err(error) if error.is_forbidden() => None,
            looked => looked?,
        };
        Ok(Self { trial, status, job: None })
    }

    /// Its state in a word, as it really is: `lost` or `ended` where that is not recorded yet. That
    /// the file no longer names it comes first.
    pub fn state(&self) -> &'static str {
        match &self.status {
            _ if self.trial.retired => "retired",
            Some(AttemptStatus::Lost(_)) => "lost",
            Some(AttemptStatus::Unknown(_)) if self.is_gone() => "lost",
            Some(AttemptStatus::Ended(_)) => "ended",
            Some(_) | None => self.trial.state.name(),
        }
    }

    /// Why the trial is in its state, or what its supervisor has not seen yet.
    pub fn reason(&self) -> String {
        match &self.status {
            Some(AttemptStatus::Ended(_)) => "`orch run` takes it in".to_owned(),
            Some(AttemptStatus::Lost(_)) => "its processes are gone; `orch run` goes on".to_owned(),
            Some(AttemptStatus::Unknown(_)) if self.is_gone() => {
                "its processes are gone; `orch run` goes on".to_owned()
            }
            Some(AttemptStatus::Held(_) | AttemptStatus::Unknown(_))
                if self.stalled_since_ms().is_some() =>
            {
                let since = clock::to_rfc3339(self.stalled_since_ms().unwrap_or_default());
                format!("stalled: no event and no output since {since}")
            }
            Some(AttemptStatus::Held(_) | AttemptStatus::Unknown(_) | AttemptStatus::Unowned)
                if self.job.is_some() =>
            {
                self.job.as_ref().map(|job| job.words.clone()).unwrap_or_default()
            }
            Some(AttemptStatus::Unknown(claim)) => format!("was taken up on {}", claim.host.name),
            Some(AttemptStatus::Held(_) | AttemptStatus::Unowned | AttemptStatus::Abandoned(_))
            | None => self.trial.state.reason(),
        }
    }

    fn is_gone(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.gone)
    }

    /// Since when nothing has been heard of its attempt under way, if that has been too long.
    pub fn stalled_since_ms(&self) -> Option<i64> {
        self.trial.state.active_attempt().and(self.trial.last_attempt.as_ref()?.stalled_since_ms)
    }

    /// Both, `failed: crashed: …`.
    pub fn state_and_reason(&self) -> String {
        self.state_with(&self.reason())
    }

    /// Its state, and why it is in it.
    pub fn state_with(&self, reason: &str) -> String {
        let colon = if reason.is_empty() { "" } else { ": " };
        format!("{}{colon}{reason}", self.state())
    }

    /// How its attempt under way stands, as one word for programs.
    pub fn attempt_status(&self) -> Option<&'static str> {
        self.status.as_ref().map(|status| match status {
            AttemptStatus::Unowned => "unclaimed",
            AttemptStatus::Held(_) => "held",
            AttemptStatus::Ended(_) => "ended",
            AttemptStatus::Lost(_) => "lost",
            AttemptStatus::Abandoned(_) => "abandoned",
            AttemptStatus::Unknown(_) => "unknown",
        })
    }
}

/// Asks the cluster about the jobs of the run `dir`, once for all, where it has some under way.
fn ask_cluster(shown: &mut [TrialStatus], dir: &RunDir) {
    let mut jobs: Vec<_> = shown
        .iter_mut()
        .filter_map(|shown| {
            let attempt = shown.trial.state.active_attempt()?;
            let job = Job::read(&dir.attempt(&shown.trial.id, attempt)).ok()??;
            Some((shown, job))
        })
        .collect();
    if jobs.is_empty() {
        return;
    }
    let answer = slurm::read_queue();
    for (shown, job) in &mut jobs {
        shown.job = Some(match &answer {
            Err(error) => {
                let words = format!("nobody knows of its job: {error}");
                JobInfo { listed: None, words, gone: false }
            }
            Ok(queue) => {
                let word = queue.status(job);
                let gone = matches!(word, JobStatus::Ended(_));
                let words = match word {
                    JobStatus::Unknown => format!("was given to the cluster `{}`", job.cluster),
                    JobStatus::Pending(words)
                    | JobStatus::Running(words)
                    | JobStatus::Ended(words) => words,
                };
                JobInfo { listed: queue.job(job).cloned(), words, gone }
            }
        });
    }
}

/// Every one of the trials of the run `dir`, looked at, their jobs too where a cluster has them.
pub fn all(trials: Vec<TrialRecord>, dir: &RunDir) -> Result<Vec<TrialStatus>, OwnershipError> {
    let shown = trials.into_iter().map(|trial| TrialStatus::new(trial, dir));
    let mut shown = shown.collect::<Result<Vec<_>, _>>()?;
    ask_cluster(&mut shown, dir);
    Ok(shown)
}

impl RunSnapshot {
    /// Those of the recorded trials that the last `orch run` was to carry out, or had done before.
    pub fn of_last_run(&self, recorded: Vec<TrialRecord>) -> Vec<TrialRecord> {
        let meant = |trial: &TrialRecord| !trial.retired && !self.leaves_out(trial);
        recorded.into_iter().filter(meant).collect()
    }

    /// Whether the last `orch run` was confined to other variants.
    pub fn leaves_out(&self, trial: &TrialRecord) -> bool {
        !self.only.is_empty() && !self.only.contains(&trial.variant)
    }

    /// Why a trial is in its state; of one that waits because it was left out, just that.
    pub fn reason(&self, shown: &TrialStatus) -> String {
        match shown.trial.state {
            State::Queued { .. } if self.leaves_out(&shown.trial) => {
                "left out by `--only`".to_owned()
            }
            _ => shown.reason(),
        }
    }
}
