//! The decisions of the scheduler, carried out: first in the journal, then in the world.

use experiments::protocol::trial_id::TrialId;
use experiments::schema::executor::Executor;

use super::{Supervisor, SupervisorError};
use crate::display::RunEvent;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::scheduler::{Action, AttemptEnd, Input, Liveness, State, StopRequest};
use crate::store::integrity;
use crate::store::journal_file::Entry;
use crate::store::sealed_files::SealedAttempt;

impl Supervisor<'_> {
    /// Tells the scheduler what happened, and does what it decides and what follows from that.
    pub(super) fn handle(&mut self, input: Input) -> Result<(), SupervisorError> {
        let before = self.scheduler.stopping();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.scheduler.handle(input, self.elapsed_ms()) {
                inputs.extend(self.perform(action)?);
            }
        }
        if let Some(request) = self.scheduler.stopping().filter(|request| Some(*request) != before)
        {
            match request {
                StopRequest::TooManyFailures => self.reporter.report(RunEvent::TooManyFailures),
                StopRequest::SameFailure => self.report_same_failure(),
                StopRequest::ByUser(_) => {}
            }
            self.record(Entry::StoppingRun { request })?;
        }
        Ok(())
    }

    /// Does one thing that was decided; `Some` if something happened by it.
    fn perform(&mut self, action: Action) -> Result<Option<Input>, SupervisorError> {
        match action {
            Action::Record { trial, from, to } => {
                self.reporter.report(RunEvent::TrialChanged {
                    run: &self.dir,
                    trial: &trial,
                    from: &from,
                    to: &to,
                });
                self.change_state(trial, from, to)?;
            }
            Action::ResetAttempts(trial) => {
                self.record(Entry::AttemptsReset { trial, restarted: false })?;
            }
            Action::RecordStop(trial, attempt, cause) => {
                self.record(Entry::StoppingAttempt { trial, attempt, cause })?;
            }
            Action::RecordLiveness(trial, attempt, liveness) => {
                self.record_liveness(trial, attempt, liveness)?;
            }
            Action::Start(id, number) => {
                if let Err(error) = self.start(&id, number) {
                    tracing::warn!(trial.id = %id, "{error:#}");
                    let ending = AttemptEnd::NeverStarted(format!("{error:#}"));
                    return Ok(Some(Input::Ended(id, ending)));
                }
            }
            Action::Stop(id, number) => self.stop(&id, number, StopMode::Graceful)?,
            Action::Kill(id, number) => self.stop(&id, number, StopMode::Immediate)?,
        }
        Ok(None)
    }

    fn report_same_failure(&mut self) {
        let Some(failure) = self.scheduler.same_failure() else { return };
        let others =
            self.scheduler.waiting().filter(|id| !failure.trials.contains_key(*id)).count();
        self.reporter.report(RunEvent::SameFailure { run: &self.dir, failure, others });
    }

    /// Records that a trial's state changes and, if an attempt has ended by it, the seal of its files.
    fn change_state(
        &mut self,
        trial: TrialId,
        from: State,
        to: State,
    ) -> Result<(), SupervisorError> {
        let ended = from.active_attempt().filter(|number| to.active_attempt() != Some(*number));
        let Some(number) = ended else {
            return self.record(Entry::Changed { trial, from, to, seal: None });
        };
        let remembered = self.active.remove(&trial, number).and_then(|active| active.seal);
        let seal =
            remembered.unwrap_or_else(|| AttemptSeal::new(&self.dir.attempt(&trial, number), None));
        let is_final = matches!(to, State::Succeeded { .. });
        self.has_ended = true;
        self.unverified.push(SealedAttempt {
            trial: trial.clone(),
            number,
            seal: Some(seal.clone()),
            is_final,
        });
        self.record(Entry::Changed { trial, from, to, seal: Some(seal) })
    }

    /// Writes a decision to the journal, before it takes effect. It survives this process from then on,
    /// and a power cut once it is [`settle`](Self::settle)d: until then nothing follows from it but
    /// processes of this machine, which a power cut ends. A job outlives the machine.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), SupervisorError> {
        if !self.lock.is_current() {
            return Err(SupervisorError::LockReplaced { path: self.dir.supervisor_lock() });
        }
        self.unapplied.push(self.journal.write(entry)?);
        if self.experiment.run.executor == Executor::Slurm {
            self.journal.sync()?;
        }
        Ok(())
    }

    /// Takes decisions and events into the database, and compares the files of attempts that have ended: of
    /// many trials at a time, as one by one they take several times as long.
    pub(super) async fn catch_up(&mut self) -> Result<(), SupervisorError> {
        self.store.apply(&self.dir.journal(), &std::mem::take(&mut self.unapplied)).await?;
        self.store.ingest_events(std::mem::take(&mut self.unread)).await?;
        for attempt in std::mem::take(&mut self.unverified) {
            integrity::verify_attempt(&mut self.store, &self.dir, &attempt).await?;
        }
        Ok(())
    }

    /// Brings all decisions to the disk, and then lets other processes see them in the database, which
    /// is never ahead of the journal.
    pub(super) async fn settle(&mut self) -> Result<(), SupervisorError> {
        self.catch_up().await?;
        self.journal.sync()?;
        Ok(self.store.commit().await?)
    }

    fn record_liveness(
        &mut self,
        trial: TrialId,
        attempt: u32,
        liveness: Liveness,
    ) -> Result<(), SupervisorError> {
        self.progress.entry(trial.clone()).or_default().stalled = liveness == Liveness::Stalled;
        let entry = match liveness {
            Liveness::Stalled => {
                let silent = self.experiment.run.stall.after.0;
                self.reporter.report(RunEvent::TrialStalled { trial: &trial, silent });
                let silent_ms = i64::try_from(silent.as_millis()).unwrap_or(i64::MAX);
                Entry::Stalled { trial, attempt, silent_ms }
            }
            Liveness::Recovered => Entry::Recovered { trial, attempt },
        };
        self.record(entry)
    }
}
