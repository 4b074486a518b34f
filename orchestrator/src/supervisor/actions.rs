//! The decisions of the scheduler, carried out: first in the journal, then in the world.

use experiments::protocol::trial_id::TrialId;

use super::{Supervisor, SupervisorError};
use crate::display::RunEvent;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::scheduler::{Action, AttemptEnd, Input, Liveness, StopRequest};
use crate::store::integrity;
use crate::store::journal_file::Entry;

impl Supervisor<'_> {
    /// Tells the scheduler what happened, and does what it decides and what follows from that.
    pub(super) async fn handle(&mut self, input: Input) -> Result<(), SupervisorError> {
        let before = self.scheduler.stopping();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for action in self.scheduler.handle(input, self.elapsed_ms()) {
                inputs.extend(self.perform(action).await?);
            }
        }
        if let Some(request) = self.scheduler.stopping().filter(|request| Some(*request) != before)
        {
            match request {
                StopRequest::TooManyFailures => self.reporter.report(RunEvent::TooManyFailures),
                StopRequest::SameFailure => self.report_same_failure(),
                StopRequest::ByUser(_) => {}
            }
            self.record(Entry::StoppingRun { request }).await?;
        }
        Ok(())
    }

    /// Does one thing that was decided; `Some` if something happened by it.
    async fn perform(&mut self, action: Action) -> Result<Option<Input>, SupervisorError> {
        match action {
            Action::Record { trial, from, to } => {
                self.reporter.report(RunEvent::TrialChanged {
                    run: &self.dir,
                    trial: &trial,
                    from: &from,
                    to: &to,
                });
                let ended = from.active_attempt().filter(|n| to.active_attempt() != Some(*n));
                let attempt = ended.map(|number| self.dir.attempt(&trial, number));
                let seal = attempt.as_ref().map(AttemptSeal::of);
                self.record(Entry::Changed { trial: trial.clone(), from, to, seal }).await?;
                if let Some(number) = ended {
                    integrity::verify_attempt(&mut self.store, &self.dir, &trial, number).await?;
                }
            }
            Action::ResetAttempts(trial) => self.record(Entry::AttemptsReset { trial }).await?,
            Action::RecordStop(trial, attempt, cause) => {
                self.record(Entry::StoppingAttempt { trial, attempt, cause }).await?;
            }
            Action::RecordLiveness(trial, attempt, liveness) => {
                self.record_liveness(trial, attempt, liveness).await?;
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

    /// Writes a decision to the journal, before it takes effect.
    pub(super) async fn record(&mut self, entry: Entry) -> Result<(), SupervisorError> {
        if !self.lock.is_current() {
            return Err(SupervisorError::LockReplaced { path: self.dir.supervisor_lock() });
        }
        self.journal.append(entry)?;
        Ok(self.store.read_journal(&self.dir.journal()).await?)
    }

    async fn record_liveness(
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
        self.record(entry).await
    }
}
