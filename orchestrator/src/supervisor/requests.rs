//! What people wish of the run meanwhile: by a signal, or by a file in `requests/`.

use super::{Supervisor, SupervisorError};
use crate::display::Display;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::requests::{self, Pending, Request};
use crate::scheduler::{Input, State, StopRequest};
use crate::store::journal_file::Entry;
use crate::supervisor::retention::{self, Garbage};
use experiments::protocol::trial_id::TrialId;

impl Supervisor {
    /// Lets the run end. Without a `mode`: with checkpoints, and at once if that was asked before.
    pub(super) async fn interrupt(
        &mut self,
        mode: Option<StopMode>,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        let asked_before = matches!(self.core.stopping(), Some(StopRequest::ByUser(_)));
        let again = if asked_before { StopMode::Immediate } else { StopMode::Graceful };
        let mode = mode.unwrap_or(again);
        match mode {
            StopMode::Graceful => display.stopping(),
            StopMode::Immediate => display.ending(),
        }
        self.tell(Input::Interrupt(mode), display).await
    }

    /// Does what the requests in the run's folder ask for.
    pub(super) async fn heed_requests(
        &mut self,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        for pending in self.requests() {
            match &pending.request {
                Ok(Request::StopAll { mode }) => self.interrupt(Some(*mode), display).await?,
                Ok(Request::Stop { trials, mode }) => {
                    let stop = |id| Input::Cancel(id, *mode);
                    self.wish(&pending, trials, |s| !s.is_settled(), stop, display).await?;
                }
                Ok(Request::Retry { trials }) => {
                    let retry = Input::Retry;
                    self.wish(&pending, trials, State::may_be_retried, retry, display).await?;
                }
                Ok(Request::CollectGarbage) => self.collect_garbage().await?,
                Err(error) => tracing::warn!("passed over a request: {error}"),
            }
            pending.remove()?;
        }
        Ok(())
    }

    /// Removes what is not needed any more of trials that are not under way.
    async fn collect_garbage(&mut self) -> Result<(), SupervisorError> {
        let keep = self.experiment.run.keep.clone();
        let survey = retention::survey(&mut self.store, &self.dir, keep.as_ref()).await?;
        for Garbage { trial, files } in survey.trials {
            self.record(Entry::Removed { trial: trial.clone(), files: files.clone() }).await?;
            for file in files {
                if let Err(error) = file.remove(&self.dir.trial(&trial)) {
                    let path = file.path.display();
                    tracing::warn!(trial.id = %trial, "cannot remove `{path}`: {error}");
                }
            }
        }
        Ok(())
    }

    /// Removes the requests of before: who runs the file now wants it run.
    pub(super) fn pass_over_requests(&self) -> Result<(), SupervisorError> {
        for pending in self.requests() {
            tracing::warn!(
                "passed over `{}`, which is older than this run",
                pending.path().display()
            );
            pending.remove()?;
        }
        Ok(())
    }

    fn requests(&self) -> Vec<Pending> {
        requests::pending(&self.dir).unwrap_or_else(|error| {
            tracing::warn!("cannot look for requests: {error}");
            Vec::new()
        })
    }

    /// Wishes something of each trial that is in a state in which it makes sense.
    async fn wish(
        &mut self,
        pending: &Pending,
        trials: &[TrialId],
        makes_sense: impl Fn(&State) -> bool,
        wish: impl Fn(TrialId) -> Input,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        for id in trials {
            let stands = match self.core.state(id) {
                Some(state) if makes_sense(state) => {
                    self.tell(wish(id.clone()), display).await?;
                    continue;
                }
                Some(state) => state.name(),
                None => "no trial of this run",
            };
            let path = pending.path().display();
            tracing::warn!("passed over `{path}`: `{id}` is {stands}");
        }
        Ok(())
    }
}
