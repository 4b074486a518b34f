//! Polling the active attempts: the status of each, and the events of its worker.

use std::io::ErrorKind;
use std::time::Duration;

use experiments::protocol::events::{Event, LONGEST_LINE, Line};
use experiments::protocol::exit::WORKER_DONE;
use experiments::protocol::failure::Failure;

use super::active::{ActiveAttempt, HolderState};
use super::stall::StallDetector;
use super::{Supervisor, SupervisorError};
use crate::display::RunEvent;
use crate::executor::EndedHolder;
use crate::executor::holder;
use crate::executor::slurm::{JobStatus, RejectedAttempt};
use crate::platform::atomic_file::FileError;
use crate::platform::error_chain::chain;
use crate::platform::line_reader::{ReadOffset, Tail};
use crate::run_dir::attempt::{AttemptDir, Exit, Outcome};
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::run_dir::event_lines;
use crate::run_dir::log_tail;
use crate::run_dir::ownership::{self, AttemptStatus, Owner, OwnershipError};
use crate::scheduler::{AttemptEnd, Input, State};
use crate::store::UnreadEvents;
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

/// Bytes of events that are read before they are in the database.
const FEW: u64 = 16 << 10;

impl Supervisor<'_> {
    /// Takes in what active attempts have done since the last poll: those whose holders have ended and, at
    /// a tick, as many others as a poll may have.
    pub(super) async fn poll_attempts(&mut self, is_tick: bool) -> Result<(), SupervisorError> {
        let mut due = self.ended_holders();
        if is_tick {
            due.extend(self.next_batch());
        }
        for (id, number) in due {
            // It may have ended by what another has done.
            if self.scheduler.state(&id).and_then(State::active_attempt) == Some(number) {
                self.poll_attempt(id, number).await?;
            }
        }
        Ok(())
    }

    /// The attempts whose holders, which were started here, have ended.
    fn ended_holders(&mut self) -> Vec<(TrialId, u32)> {
        let mut ended = Vec::new();
        for EndedHolder { attempt, not_started } in self.local.reap() {
            if let Some((id, active)) = self.active.by_dir(&attempt) {
                active.holder = Some(HolderState::Ended(not_started.map(|e| e.to_string())));
                ended.push((id, active.number));
            }
        }
        ended
    }

    async fn poll_attempt(&mut self, id: TrialId, number: u32) -> Result<(), SupervisorError> {
        let active = self.active.attempt(&self.dir, &id, number);
        let (attempt, is_local) = (active.dir.clone(), active.holder.is_some());
        // The status before the events, so that none written before its end is missed. And the
        // job's status before both: a job that has ended writes nothing more.
        let job = if is_local { None } else { self.slurm.status(&attempt)? };
        let status = status_of(self.active.attempt(&self.dir, &id, number))?;
        self.read_events(&id, number).await?;
        if let AttemptStatus::Held(Some(owner)) | AttemptStatus::Unknown(owner) = &status {
            self.active.attempt(&self.dir, &id, number).started_ms = Some(owner.time_ms);
        }
        let input = match status {
            AttemptStatus::Held(owner) => {
                if let Some(owner) = &owner {
                    self.continue_stopped_holder(&id, number, owner);
                }
                self.handle(Input::HolderStarted(id.clone()))?;
                self.check_stall(id, number)
            }
            AttemptStatus::Unknown(_) => {
                self.handle(Input::HolderStarted(id.clone()))?;
                self.check_other_host(id, number, job)?
            }
            AttemptStatus::Unowned => self.give_up_unowned(id, number, job)?,
            AttemptStatus::Ended(exit) => Some(self.recorded_end(id, number, exit).await?),
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
            self.handle(input)?;
        }
        Ok(())
    }

    /// The end that an attempt's holder has recorded.
    async fn recorded_end(
        &mut self,
        id: TrialId,
        number: u32,
        exit: Exit,
    ) -> Result<Input, SupervisorError> {
        let active = self.active.attempt(&self.dir, &id, number);
        active.seal = Some(AttemptSeal::new(&active.dir, Some(&exit)));
        let last_line = match exit.outcome {
            Outcome::Exited { code: WORKER_DONE } => String::new(),
            _ => log_tail::last_line(&active.dir),
        };
        let mut failure = active.failure.take();
        if failure.is_none() && active.holder.is_none() {
            // It may have been reported to an earlier supervisor.
            failure = self.store.failure(&id, number).await?;
        }
        Ok(Input::Ended(id, AttemptEnd::Recorded { exit, failure, last_line }))
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
                self.handle(Input::Ended(id, AttemptEnd::Rejected(reason)))?;
            }
        }
        Ok(())
    }

    /// Takes in the events that the worker has written since the last poll.
    async fn read_events(&mut self, id: &TrialId, attempt: u32) -> Result<(), SupervisorError> {
        let active = self.active.attempt(&self.dir, id, attempt);
        let file = active.dir.events();
        // Lines that are written meanwhile are for the next poll, however fast the worker writes.
        let end = match file.metadata() {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            // Something else than a file: its reader says so.
            _ => u64::MAX,
        };
        let before = active.read_to.replace(end);
        if before == Some(end) {
            return Ok(());
        }
        let are_first = before.is_none() && active.holder.is_some();
        let unread = UnreadEvents { trial: id.clone(), attempt, file, end };
        // Those of short trials are taken into the database many at a time.
        if are_first && let Some(lines) = first_events(&unread) {
            self.unread.push(unread);
            return lines.into_iter().try_for_each(|line| self.take(id, attempt, &line));
        }
        self.catch_up().await?;
        loop {
            let read = self.store.read_events(&unread).await?;
            for line in &read.lines {
                self.take(id, attempt, line)?;
            }
            if !read.more {
                return Ok(());
            }
        }
    }

    /// Takes in one event of an attempt.
    fn take(&mut self, id: &TrialId, attempt: u32, line: &Line) -> Result<(), SupervisorError> {
        let progress = self.progress.entry(id.clone()).or_default();
        progress.add(line, self.headline.as_deref());
        let input = match &line.event {
            Event::Checkpoint { step, .. } => Input::Checkpointed(id.clone(), *step),
            Event::Progress { step, .. } | Event::Metrics { step, .. } => {
                Input::Reached(id.clone(), *step)
            }
            // Not of the worker, but of its holder.
            Event::Code(_) | Event::Skipped { .. } => return Ok(()),
            Event::Failed { class, message } => {
                let failure = Failure { class: class.clone(), message: message.clone() };
                self.active.attempt(&self.dir, id, attempt).failure = Some(failure);
                Input::Reported(id.clone())
            }
            _ => Input::Reported(id.clone()),
        };
        self.handle(input)
    }

    /// A stopped holder (SIGSTOP) cannot do what is asked of it.
    fn continue_stopped_holder(&mut self, id: &TrialId, number: u32, owner: &Owner) {
        let active = self.active.attempt(&self.dir, id, number);
        if active.is_late(STOPPED_HOLDER_TIMEOUT) && holder::continue_stopped(&active.dir, owner) {
            tracing::warn!(
                "the holder of `{id}` (process {}) was stopped and could not end it; continued it by \
                 SIGCONT",
                owner.pid
            );
        }
    }

    /// `Stalled` if nothing has grown for too long, `Recovered` if something just has.
    fn check_stall(&mut self, id: TrialId, number: u32) -> Option<Input> {
        let ActiveAttempt { dir, stall, .. } = self.active.attempt(&self.dir, &id, number);
        let silent = stall.get_or_insert_with(|| StallDetector::new(dir)).poll(dir);
        if silent >= self.experiment.run.stall.after.0 {
            Some(Input::Stalled(id))
        } else {
            silent.is_zero().then_some(Input::Recovered(id))
        }
    }

    /// Abandons an attempt whose holder is gone or does not come, unless one just became its owner.
    fn give_up_unowned(
        &mut self,
        id: TrialId,
        number: u32,
        job: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let ActiveAttempt { dir: attempt, holder, .. } =
            self.active.attempt(&self.dir, &id, number);
        let why = match (job, holder) {
            (Some(JobStatus::Ended(why)), _) => format!("{why} before a holder started it"),
            (Some(_), _) | (None, Some(HolderState::Lives)) => return Ok(None),
            (None, None) if self.since.elapsed() < OWNER_TIMEOUT => return Ok(None),
            (None, Some(HolderState::Ended(Some(error)))) => {
                format!("its holder could not be started: {error}")
            }
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
        number: u32,
        job: Option<JobStatus>,
    ) -> Result<Option<Input>, SupervisorError> {
        let Some(JobStatus::Ended(why)) = job else { return Ok(self.check_stall(id, number)) };
        // Should that host only be cut off, the holder ends what still runs there.
        let attempt = &self.active.attempt(&self.dir, &id, number).dir;
        attempt
            .request_kill()
            .map_err(|source| FileError::Write { path: attempt.kill(), source })?;
        Ok(Some(Input::Ended(id, AttemptEnd::Lost(why))))
    }
}

/// The status of an attempt. Its files are not read as long as its holder is known to live.
fn status_of(active: &ActiveAttempt) -> Result<AttemptStatus, OwnershipError> {
    if active.is_held() {
        return Ok(AttemptStatus::Held(None));
    }
    match ownership::attempt_status(&active.dir) {
        // Its own user may not even read it: that was its worker.
        Err(error) if error.is_forbidden() => Ok(AttemptStatus::Lost(chain(&error))),
        status => status,
    }
}

/// An attempt's first events, if they are few enough to be read twice, and can be read.
fn first_events(unread: &UnreadEvents) -> Option<Vec<Line>> {
    let UnreadEvents { file, end, .. } = unread;
    let tail = Tail { path: file, longest: LONGEST_LINE, end: *end };
    let read = (*end <= FEW).then(|| tail.read(ReadOffset::default()))?.ok()?;
    Some(event_lines::events(&read).collect())
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
