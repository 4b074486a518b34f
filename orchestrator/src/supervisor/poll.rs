//! Polling the active attempts: the status of each, and the events of its worker.

use std::time::Duration;

use experiments::protocol::events::Event;
use experiments::protocol::exit::WORKER_DONE;

use super::stall::StallDetector;
use super::{HolderState, Supervisor, SupervisorError};
use crate::display::RunEvent;
use crate::executor::holder;
use crate::executor::slurm::{JobStatus, RejectedAttempt};
use crate::platform::atomic_file::FileError;
use crate::platform::error_chain::chain;
use crate::platform::line_reader;
use crate::run_dir::attempt::{AttemptDir, Outcome};
use crate::run_dir::log_tail;
use crate::run_dir::ownership::{self, AttemptStatus, Owner};
use crate::scheduler::{AttemptEnd, Input};
use experiments::protocol::trial_id::TrialId;

/// Time that the holder of an attempt which an earlier supervisor prepared has to become its owner.
/// To give up too early does no harm: whoever comes second leaves.
const OWNER_TIMEOUT: Duration = Duration::from_secs(2);

/// Time that a holder has to end its attempt before it is checked whether a signal has stopped the
/// holder itself.
const STOPPED_HOLDER_TIMEOUT: Duration = Duration::from_secs(5);

/// Most attempts in one poll, [`super::POLL_INTERVAL`] apart: enough for any machine, and what a shared
/// file system bears from one of a cluster's users (docs/scale.md).
const BATCH: usize = 20;

impl Supervisor<'_> {
    /// Takes in what active attempts have done since the last poll.
    pub(super) async fn poll_attempts(&mut self) -> Result<(), SupervisorError> {
        for attempt in self.local.reap() {
            self.holders.insert(attempt, HolderState::Ended);
        }
        for (id, number) in self.next_batch() {
            let attempt = self.dir.attempt(&id, number);
            // The status before the events, so that none written before its end is missed. And the
            // job's status before both: a job that has ended writes nothing more.
            let is_local = self.holders.contains_key(&attempt);
            let job = if is_local { None } else { self.slurm.status(&attempt)? };
            let status = match ownership::attempt_status(&attempt) {
                // Its own user may not even read it: that was its worker.
                Err(error) if error.is_forbidden() => AttemptStatus::Lost(chain(&error)),
                status => status?,
            };
            self.read_events(&id, number).await?;
            let input = match status {
                AttemptStatus::Held(owner) => {
                    if let Some(owner) = &owner {
                        self.continue_stopped_holder(&id, &attempt, owner);
                    }
                    self.handle(Input::HolderStarted(id.clone())).await?;
                    self.check_stall(id, &attempt)
                }
                AttemptStatus::Unknown(_) => {
                    self.handle(Input::HolderStarted(id.clone())).await?;
                    self.check_other_host(id, &attempt, job)?
                }
                AttemptStatus::Unowned => self.give_up_unowned(id, &attempt, job)?,
                AttemptStatus::Ended(exit) => {
                    let failure = self.store.failure(&id, number).await?;
                    let last_line = match exit.outcome {
                        Outcome::Exited { code: WORKER_DONE } => String::new(),
                        _ => log_tail::last_line(&attempt),
                    };
                    Some(Input::Ended(id, AttemptEnd::Recorded { exit, failure, last_line }))
                }
                AttemptStatus::Lost(reason) => {
                    let reason = end_lost(&attempt, reason)?;
                    self.read_events(&id, number).await?;
                    Some(Input::Ended(id, AttemptEnd::Lost(reason)))
                }
                AttemptStatus::Abandoned(_) => {
                    let why = end_lost(&attempt, "no holder started it".to_owned())?;
                    Some(never_started(id, &why))
                }
            };
            if let Some(input) = input {
                if matches!(input, Input::Ended(..)) {
                    self.slurm.forget(&attempt);
                }
                self.handle(input).await?;
            }
        }
        Ok(())
    }

    /// The attempts to poll now: each in its turn, where there are very many.
    fn next_batch(&mut self) -> Vec<(TrialId, u32)> {
        let mut active: Vec<_> = self.scheduler.active().map(|(id, n)| (id.clone(), n)).collect();
        if active.len() > BATCH {
            self.turn %= active.len();
            active.rotate_left(self.turn);
            active.truncate(BATCH);
            self.turn += BATCH;
        }
        active
    }

    /// Polls the jobs of Slurm, and ends the attempts that it rejected.
    pub(super) async fn poll_slurm(&mut self) -> Result<(), SupervisorError> {
        for RejectedAttempt { attempt, reason } in self.slurm.poll().await {
            let active =
                self.scheduler.active().find(|(id, n)| self.dir.attempt(id, *n) == attempt);
            let Some(id) = active.map(|(id, _)| id.clone()) else { continue };
            if self.scheduler.stopping().is_none() {
                self.reporter.report(RunEvent::CannotStart(&reason));
            }
            // Slurm may have accepted it although it reported an error.
            if ownership::refuse(&attempt)? {
                self.handle(Input::Ended(id, AttemptEnd::Rejected(reason))).await?;
            }
        }
        Ok(())
    }

    async fn read_events(&mut self, id: &TrialId, attempt: u32) -> Result<(), SupervisorError> {
        let file = self.dir.attempt(id, attempt).events();
        // Lines that are written meanwhile are for the next poll, however fast the worker writes.
        let end = line_reader::length(&file);
        loop {
            let read = self.store.read_events(id, attempt, &file, end).await?;
            for line in &read.lines {
                let progress = self.progress.entry(id.clone()).or_default();
                progress.add(line, self.headline.as_deref());
                let input = match &line.event {
                    Event::Checkpoint { step, .. } => Input::Checkpointed(id.clone(), *step),
                    Event::Progress { step, .. } | Event::Metrics { step, .. } => {
                        Input::Reached(id.clone(), *step)
                    }
                    // Not of the worker, but of its holder.
                    Event::Code(_) => continue,
                    _ => Input::Reported(id.clone()),
                };
                self.handle(input).await?;
            }
            if !read.more {
                return Ok(());
            }
        }
    }

    /// A stopped holder (SIGSTOP) cannot do what is asked of it.
    fn continue_stopped_holder(&self, id: &TrialId, attempt: &AttemptDir, owner: &Owner) {
        let is_late =
            self.stops.get(attempt).is_some_and(|asked| asked.elapsed() >= STOPPED_HOLDER_TIMEOUT);
        if is_late && holder::continue_stopped(attempt, owner) {
            tracing::warn!(
                "the holder of `{id}` (process {}) was stopped and could not end it; continued it by \
                 SIGCONT",
                owner.pid
            );
        }
    }

    /// `Stalled` if nothing has grown for too long, `Recovered` if something just has.
    fn check_stall(&mut self, id: TrialId, attempt: &AttemptDir) -> Option<Input> {
        let detector = self.stall_detectors.entry(attempt.clone());
        let silent = detector.or_insert_with(|| StallDetector::new(attempt)).poll(attempt);
        if silent >= self.experiment.run.stall.after.0 {
            Some(Input::Stalled(id))
        } else {
            silent.is_zero().then_some(Input::Recovered(id))
        }
    }

    /// Abandons an attempt whose holder is gone or does not come, unless one just became its owner.
    fn give_up_unowned(
        &self,
        id: TrialId,
        attempt: &AttemptDir,
        job: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let why = match (job, self.holders.get(attempt)) {
            (Some(JobStatus::Ended(why)), _) => format!("{why} before a holder started it"),
            (Some(_), _) | (None, Some(HolderState::Lives)) => return Ok(None),
            (None, None) if self.since.elapsed() < OWNER_TIMEOUT => return Ok(None),
            // The holder writes it after it has become the owner.
            (None, _) if attempt.env().exists() => {
                format!("`{}` was removed", attempt.owner().display())
            }
            (None, _) => "no holder started it".to_owned(),
        };
        if !ownership::abandon(attempt)? {
            return Ok(None);
        }
        let why = end_lost(attempt, why)?;
        Ok(Some(never_started(id, &why)))
    }

    /// An attempt that another host owns and that has not ended: only its cluster can tell that its
    /// holder is gone.
    fn check_other_host(
        &mut self,
        id: TrialId,
        attempt: &AttemptDir,
        job: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let Some(JobStatus::Ended(why)) = job else { return Ok(self.check_stall(id, attempt)) };
        // Should that host only be cut off, the holder ends what still runs there.
        attempt
            .request_kill()
            .map_err(|source| FileError::Write { path: attempt.kill(), source })?;
        Ok(Some(Input::Ended(id, AttemptEnd::Lost(why))))
    }
}

/// Ends what is left of an attempt that was lost for `reason`, and returns that with what else is wrong.
fn end_lost(attempt: &AttemptDir, reason: String) -> Result<String, FileError> {
    let (command, damage) = match attempt.read_command() {
        Err(error) if error.is_damage() => (None, Some(chain(&error))),
        command => (command?, None),
    };
    if !reason.is_empty() {
        // Should its holder live on another machine, where its lock is not seen, it ends the worker.
        let _ = attempt.request_kill();
    }
    holder::end_orphans(attempt, command.as_ref());
    holder::read_rest(attempt, command.as_ref())?;
    let reasons = Some(reason).filter(|reason| !reason.is_empty()).into_iter().chain(damage);
    Ok(reasons.collect::<Vec<_>>().join("; "))
}

fn never_started(id: TrialId, why: &str) -> Input {
    Input::Ended(id, AttemptEnd::NeverStarted(why.to_owned()))
}
