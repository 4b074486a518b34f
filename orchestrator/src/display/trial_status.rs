//! The status of a trial as it is shown and selected: its record, and the state of its processes.

use crate::executor::slurm::{self, Job, JobStatus, QueuedJob};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::{self, AttemptStatus, OwnershipError};
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;
use crate::store::TrialRecord;

/// The reason that is recorded of a trial which has not been tried yet.
const NEW: &str = "new";

/// A trial's record, and the present status of its active attempt.
#[derive(Debug)]
pub(crate) struct TrialStatus {
    /// Its record.
    pub trial: TrialRecord,
    /// The status of its active attempt; `None` without one, or where only its owner may read it.
    pub status: Option<AttemptStatus>,
    /// The job of that attempt, on a cluster.
    pub(crate) job: Option<JobInfo>,
}

/// A job as its cluster reports it.
#[derive(Debug)]
pub(crate) struct JobInfo {
    /// Its entry in the queue; `None` if it is not listed.
    pub listed: Option<QueuedJob>,
    /// The same in words, or the reason why it is unknown.
    pub words: String,
    /// True if the cluster knows that it has ended.
    pub ended: bool,
}

impl TrialStatus {
    /// Reads the present status of `trial` of the run `dir`.
    pub(crate) fn new(trial: TrialRecord, dir: &RunDir) -> Result<Self, OwnershipError> {
        let attempt = trial.state.active_attempt();
        let attempt = attempt.map(|number| AttemptDir::new(&dir.trial(&trial.id), number));
        let status = attempt.map(|attempt| ownership::attempt_status(&attempt)).transpose();
        // Attempts are readable only by their user; others see the record.
        let status = match status {
            Err(error) if error.is_forbidden() => None,
            status => status?,
        };
        Ok(Self { trial, status, job: None })
    }

    /// Its state in a word: `retired` if the file no longer names it, `lost` or `ended` where that is
    /// not recorded yet, else the recorded one.
    pub(crate) fn state(&self) -> &'static str {
        match &self.status {
            _ if self.trial.retired => "retired",
            Some(AttemptStatus::Lost(_)) => "lost",
            Some(AttemptStatus::Unknown(_)) if self.job_has_ended() => "lost",
            Some(AttemptStatus::Ended(_)) => "ended",
            Some(_) | None => self.trial.state.name(),
        }
    }

    /// The reason for its state, or the news that its supervisor has not recorded yet.
    pub(crate) fn reason(&self) -> String {
        match &self.status {
            Some(AttemptStatus::Ended(_)) => "`orch run` records it".to_owned(),
            Some(AttemptStatus::Lost(why)) => {
                let colon = if why.is_empty() { "" } else { ": " };
                format!("its processes are gone{colon}{why}; `orch run` resumes it")
            }
            Some(AttemptStatus::Unknown(_)) if self.job_has_ended() => {
                "its processes are gone; `orch run` resumes it".to_owned()
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
            Some(AttemptStatus::Unknown(owner)) => format!("runs on {}", owner.host.name),
            Some(AttemptStatus::Held(_) | AttemptStatus::Unowned | AttemptStatus::Abandoned(_))
            | None => self.trial.state.reason(),
        }
    }

    fn job_has_ended(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.ended)
    }

    /// Milliseconds since the Unix epoch at the last event or output of its active attempt; `None`
    /// unless it has stalled.
    pub(crate) fn stalled_since_ms(&self) -> Option<i64> {
        self.trial.state.active_attempt().and(self.trial.last_attempt.as_ref()?.stalled_since_ms)
    }

    /// Its state with that reason.
    pub(crate) fn state_with(&self, reason: &str) -> String {
        let colon = if reason.is_empty() { "" } else { ": " };
        format!("{}{colon}{reason}", self.state())
    }

    /// The status of its active attempt, as one word for programs.
    pub(crate) fn attempt_status(&self) -> Option<&'static str> {
        self.status.as_ref().map(|status| match status {
            AttemptStatus::Unowned => "unowned",
            AttemptStatus::Held(_) => "held",
            AttemptStatus::Ended(_) => "ended",
            AttemptStatus::Lost(_) => "lost",
            AttemptStatus::Abandoned(_) => "abandoned",
            AttemptStatus::Unknown(_) => "unknown",
        })
    }
}

/// Queries the cluster once for all active jobs of the run `dir`, if there are any.
fn query_cluster(statuses: &mut [TrialStatus], dir: &RunDir) {
    let mut jobs: Vec<_> = statuses
        .iter_mut()
        .filter_map(|status| {
            let attempt = status.trial.state.active_attempt()?;
            let job = Job::read(&dir.attempt(&status.trial.id, attempt)).ok()??;
            Some((status, job))
        })
        .collect();
    if jobs.is_empty() {
        return;
    }
    let answer = slurm::read_queue();
    for (trial, job) in &mut jobs {
        trial.job = Some(match &answer {
            Err(error) => {
                let words = format!("the state of its job is unknown: {error}");
                JobInfo { listed: None, words, ended: false }
            }
            Ok(queue) => {
                let status = queue.status(job);
                let ended = matches!(status, JobStatus::Ended(_));
                let words = match status {
                    JobStatus::Unknown => format!("was submitted to the cluster `{}`", job.cluster),
                    JobStatus::Pending(words)
                    | JobStatus::Running(words)
                    | JobStatus::Ended(words) => words,
                };
                JobInfo { listed: queue.job(job).cloned(), words, ended }
            }
        });
    }
}

/// The status of each of the trials of the run `dir`, with their jobs on a cluster.
pub(crate) fn all(
    trials: Vec<TrialRecord>,
    dir: &RunDir,
) -> Result<Vec<TrialStatus>, OwnershipError> {
    let mut statuses = Vec::new();
    for trial in trials {
        statuses.push(TrialStatus::new(trial, dir)?);
    }
    query_cluster(&mut statuses, dir);
    Ok(statuses)
}

/// The reason for a state; a new trial has none but that others come first.
pub(crate) fn waiting_in_words(state: &State) -> String {
    match (state, state.reason()) {
        (State::Queued { .. }, reason) if reason.is_empty() || reason == NEW => {
            "waits for its turn".to_owned()
        }
        (_, reason) => reason,
    }
}

impl RunSnapshot {
    /// The recorded trials that the last `orch run` selected, finished ones included.
    pub(crate) fn of_last_run(&self, recorded: Vec<TrialRecord>) -> Vec<TrialRecord> {
        recorded.into_iter().filter(|t| !t.retired && !self.leaves_out(t)).collect()
    }

    /// True if `--only` of the last `orch run` named other variants.
    pub(crate) fn leaves_out(&self, trial: &TrialRecord) -> bool {
        !self.only.is_empty() && !self.only.contains(&trial.variant)
    }

    /// The reason for a trial's state; that it was left out comes first. Without a supervisor, which is
    /// `supervised`, the recorded reason to wait is out of date.
    pub(crate) fn reason(&self, status: &TrialStatus, supervised: bool) -> String {
        match status.trial.state {
            State::Queued { .. } if status.trial.retired => status.reason(),
            State::Queued { .. } if self.leaves_out(&status.trial) => {
                "left out by `--only`".to_owned()
            }
            State::Queued { .. } if !supervised => "no supervisor is running".to_owned(),
            State::Queued { .. } => waiting_in_words(&status.trial.state),
            _ => status.reason(),
        }
    }
}
