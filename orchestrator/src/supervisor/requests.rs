//! Requests of users while the run goes on: by a signal, or by a file in `requests/`.

use experiments::protocol::trial_id::TrialId;

use super::retention::{self, Garbage};
use super::{Supervisor, SupervisorError};
use crate::display::RunEvent;
use crate::platform::error_chain::chain;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::requests::{self, Pending, Request};
use crate::scheduler::{Input, State, StopRequest};
use crate::store::journal_file::Entry;

impl Supervisor<'_> {
    /// Stops the run. Without a `mode`, gracefully, and immediately if that was requested before.
    pub(super) fn interrupt(&mut self, mode: Option<StopMode>) -> Result<(), SupervisorError> {
        let mode = mode.unwrap_or(match self.scheduler.stopping() {
            Some(StopRequest::ByUser(_)) => StopMode::Immediate,
            Some(StopRequest::TooManyFailures | StopRequest::SameFailure) | None => {
                StopMode::Graceful
            }
        });
        self.reporter.report(RunEvent::Stopping(mode));
        self.handle(Input::Interrupt(mode))
    }

    /// Handles the requests in the run's folder, the oldest first.
    pub(super) async fn handle_requests(&mut self) -> Result<(), SupervisorError> {
        for pending in self.pending_requests() {
            match &pending.request {
                Ok(Request::StopAll { mode }) => self.interrupt(Some(*mode))?,
                Ok(Request::Stop { trials, mode }) => {
                    for id in self.eligible(&pending, trials, |state| !state.is_settled()) {
                        self.handle(Input::Cancel(id, *mode))?;
                    }
                }
                Ok(Request::Retry { trials }) => {
                    for id in self.eligible(&pending, trials, State::may_be_retried) {
                        self.handle(Input::Retry(id))?;
                    }
                }
                Ok(Request::CollectGarbage) => self.collect_garbage().await?,
                Err(error) => tracing::warn!("skipped a request: {}", chain(error)),
            }
            self.settle().await?;
            pending.remove()?;
        }
        Ok(())
    }

    /// Removes the files of inactive trials that the retention policy does not keep.
    async fn collect_garbage(&mut self) -> Result<(), SupervisorError> {
        self.catch_up().await?;
        let keep = self.experiment.run.keep.clone();
        let survey = retention::survey(&mut self.store, &self.dir, keep.as_ref()).await?;
        for Garbage { trial, files } in survey.trials {
            self.record(Entry::Removed { trial: trial.clone(), files: files.clone() })?;
            self.settle().await?;
            for file in files {
                if let Err(error) = file.remove(&self.dir.trial(&trial)) {
                    let path = file.path.display();
                    tracing::warn!(trial.id = %trial, "cannot remove `{path}`: {error}");
                }
            }
        }
        Ok(())
    }

    /// Removes requests that are older than this supervisor: whoever runs the file now wants it run.
    pub(super) fn discard_requests(&self) -> Result<(), SupervisorError> {
        for pending in self.pending_requests() {
            tracing::warn!("skipped `{}`, which is older than this run", pending.path().display());
            pending.remove()?;
        }
        Ok(())
    }

    fn pending_requests(&self) -> Vec<Pending> {
        requests::pending(&self.dir).unwrap_or_else(|error| {
            tracing::warn!("cannot read requests: {error}");
            Vec::new()
        })
    }

    /// Those of `trials` whose state allows the request; the others are named in a warning.
    fn eligible(
        &self,
        pending: &Pending,
        trials: &[TrialId],
        allowed: impl Fn(&State) -> bool,
    ) -> Vec<TrialId> {
        let mut eligible = Vec::new();
        for id in trials {
            let problem = match self.scheduler.state(id) {
                Some(state) if allowed(state) => {
                    eligible.push(id.clone());
                    continue;
                }
                Some(state) => state.name(),
                None => "not a trial of this run",
            };
            let path = pending.path().display();
            tracing::warn!("skipped `{path}`: `{id}` is {problem}");
        }
        eligible
    }
}
