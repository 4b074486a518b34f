//! The scheduler's answer to each input.

use std::time::Duration;

use experiments::protocol::trial_id::TrialId;
use experiments::schema::file::AfterStall;

use super::retry::{RetryDecision, decide};
use super::trial::Trial;
use super::{
    Action, AttemptEnd, Change, History, Input, Liveness, Role, Scheduler, State, StopCause,
    StopRequest,
};
use crate::run_dir::attempt::StopMode;

impl Scheduler {
    /// Handles an input of `now_ms` (since the supervisor started) and returns what must be done.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::SupervisorStarted => self.on_supervisor_started(&mut actions),
            Input::HolderStarted(id) => {
                if let Some(State::Starting { attempt }) = self.state(&id) {
                    let change = Change::HolderStarted { attempt: *attempt };
                    self.change(&id, change, &mut actions);
                }
            }
            Input::Checkpointed(id, step) => {
                self.on_event(&id);
                if let Some(history) = self.active_history(&id) {
                    history.on_checkpoint(step);
                }
            }
            Input::Reached(id, step) => {
                self.on_event(&id);
                if let Some(history) = self.active_history(&id) {
                    history.on_step(step);
                }
            }
            Input::Reported(id) => self.on_event(&id),
            Input::Ended(id, end) => self.on_ended(&id, &end, now_ms, &mut actions),
            Input::Leased(id) => self.on_leased(id, &mut actions),
            Input::Blocked(id, reason) => {
                self.change(&id, Change::Queue { reason }, &mut actions);
            }
            Input::Stalled(id) => self.on_liveness(&id, Liveness::Stalled, &mut actions),
            Input::Recovered(id) => self.on_liveness(&id, Liveness::Recovered, &mut actions),
            Input::Interrupt(mode) => self.on_interrupt(mode, &mut actions),
            Input::Cancel(id, mode) => self.on_cancel(&id, mode, &mut actions),
            Input::Retry(id) => self.on_retry(&id, &mut actions),
        }
        actions
    }

    /// The position of an input's trial.
    fn position_of(&self, id: &TrialId) -> usize {
        self.position(id).expect("inputs name this run's trials")
    }

    fn trial_mut(&mut self, id: &TrialId) -> &mut Trial {
        let at = self.position_of(id);
        &mut self.trials[at]
    }

    /// `None` after the attempt's end: later reports about it do not count.
    fn active_history(&mut self, id: &TrialId) -> Option<&mut History> {
        let trial = self.trial_mut(id);
        trial.state.active_attempt().map(|_| &mut trial.history)
    }

    /// The only place where a trial's state changes.
    fn change(&mut self, id: &TrialId, change: Change, actions: &mut Vec<Action>) {
        let at = self.position_of(id);
        let trial = &mut self.trials[at];
        let from = trial.state.clone();
        let to = from.clone().apply(change).expect("the scheduler makes legal transitions only");
        trial.state = to.clone();
        let (is_active, is_waiting) = (to.active_attempt().is_some(), trial.is_waiting());
        let ready_ms = trial.ready_ms;
        if is_active {
            self.active.insert(at);
        } else {
            self.active.remove(&at);
        }
        self.queue.remove(at, ready_ms);
        if is_waiting {
            self.queue.insert(at, ready_ms);
        }
        if from != to {
            actions.push(Action::Record { trial: id.clone(), from, to });
        }
    }

    /// An earlier supervisor may have died between recording a stop and requesting it.
    fn on_supervisor_started(&mut self, actions: &mut Vec<Action>) {
        for (id, attempt) in self.active_attempts() {
            let trial = self.trial_mut(&id);
            if trial.role == Role::Retired {
                self.stop(id, attempt, StopCause::Retired, StopMode::Graceful, actions);
            } else if matches!(trial.cause, Some(StopCause::Cancelled | StopCause::Stalled)) {
                actions.push(Action::Stop(id, attempt));
            }
        }
    }

    fn on_leased(&mut self, id: TrialId, actions: &mut Vec<Action>) {
        let trial = self.trial_mut(&id);
        trial.attempts += 1;
        trial.history.on_attempt_started();
        (trial.cause, trial.stalled, trial.reported) = (None, false, false);
        let attempt = trial.attempts;
        self.change(&id, Change::Start { attempt }, actions);
        actions.push(Action::Start(id, attempt));
    }

    fn on_event(&mut self, id: &TrialId) {
        self.trial_mut(id).reported = true;
        self.early_failures.on_event();
    }

    fn on_ended(&mut self, id: &TrialId, end: &AttemptEnd, now_ms: i64, actions: &mut Vec<Action>) {
        let (policy, stopping) = (self.policy.clone(), self.stopping.is_some());
        let trial = self.trial_mut(id);
        let Some(attempt) = trial.state.active_attempt() else { return };
        let cause = trial.cause.take();
        trial.spent_ms += end.duration_ms();
        let early_failure = end.failure_by_itself().filter(|_| cause.is_none() && !trial.reported);
        let change = match decide(end, cause, &mut trial.history, &policy) {
            RetryDecision::Succeeded => Change::Succeed { attempt },
            RetryDecision::Failed { class, message } => Change::Fail { attempt, class, message },
            RetryDecision::Retry { reason, .. } if cause == Some(StopCause::Cancelled) => {
                Change::Cancel { reason }
            }
            RetryDecision::Retry { reason, .. } if stopping || trial.role == Role::Retired => {
                Change::Interrupt { attempt, reason }
            }
            RetryDecision::Retry { reason, after } => {
                trial.ready_ms = now_ms.saturating_add(millis(after));
                Change::Queue { reason }
            }
        };
        self.change(id, change, actions);
        match self.state(id) {
            Some(State::Failed { .. }) => self.on_failed(actions),
            Some(State::Succeeded { .. }) => {
                self.early_failures.on_event();
                // It tells how long the others will take.
                let at = self.position_of(id);
                self.queue.on_success(at, self.trials[at].spent_ms);
            }
            _ => {}
        }
        if let Some(failure) = early_failure {
            self.early_failures.on_failure(id, attempt, failure);
        }
        self.end_if_all_fail_the_same();
    }

    /// Where the queue waits and no active attempt is left that could still show that the worker works.
    fn end_if_all_fail_the_same(&mut self) {
        let is_last = self.stopping.is_none() && self.active.is_empty();
        if is_last && !self.queue.is_empty() && self.same_failure().is_some() {
            self.stopping = Some(StopRequest::SameFailure);
        }
    }

    fn on_failed(&mut self, actions: &mut Vec<Action>) {
        self.failed += 1;
        if self.stopping.is_none() && self.policy.max_fails.is_some_and(|max| self.failed >= max) {
            self.stopping = Some(StopRequest::TooManyFailures);
            self.stop_all(StopMode::Graceful, actions);
        }
    }

    fn on_liveness(&mut self, id: &TrialId, liveness: Liveness, actions: &mut Vec<Action>) {
        let after_stall = self.policy.after_stall;
        let trial = self.trial_mut(id);
        let Some(attempt) = trial.state.active_attempt() else { return };
        let stalled = liveness == Liveness::Stalled;
        let changed = trial.stalled != stalled;
        if changed {
            trial.stalled = stalled;
            actions.push(Action::RecordLiveness(id.clone(), attempt, liveness));
        }
        // An earlier supervisor may have died between recording the stall and requesting the stop.
        let to_stop = changed || trial.cause.is_none();
        if stalled && to_stop && after_stall == AfterStall::Retry {
            self.stop(id.clone(), attempt, StopCause::Stalled, StopMode::Graceful, actions);
        }
    }

    /// Of several requests the gravest counts.
    fn on_interrupt(&mut self, mode: StopMode, actions: &mut Vec<Action>) {
        let mode = match self.stopping {
            Some(StopRequest::ByUser(before)) => before.max(mode),
            Some(StopRequest::TooManyFailures | StopRequest::SameFailure) | None => mode,
        };
        self.stopping = Some(StopRequest::ByUser(mode));
        self.stop_all(mode, actions);
    }

    fn on_cancel(&mut self, id: &TrialId, mode: StopMode, actions: &mut Vec<Action>) {
        let state = &self.trial_mut(id).state;
        if let Some(attempt) = state.active_attempt() {
            self.stop(id.clone(), attempt, StopCause::Cancelled, mode, actions);
        } else if matches!(state, State::Queued { .. }) {
            let reason = "before it was started".to_owned();
            self.change(id, Change::Cancel { reason }, actions);
        }
    }

    fn on_retry(&mut self, id: &TrialId, actions: &mut Vec<Action>) {
        let trial = self.trial_mut(id);
        if !trial.state.may_be_retried() || trial.role == Role::Retired {
            return;
        }
        let reason = format!("to be tried again after: {}", trial.state.reason());
        trial.role = Role::Scheduled;
        trial.history = History::default();
        trial.ready_ms = 0;
        self.early_failures.forget(id);
        actions.push(Action::ResetAttempts(id.clone()));
        self.change(id, Change::Queue { reason }, actions);
    }

    fn stop_all(&mut self, mode: StopMode, actions: &mut Vec<Action>) {
        for (id, attempt) in self.active_attempts() {
            self.stop(id, attempt, StopCause::Interrupted, mode, actions);
        }
    }

    fn active_attempts(&self) -> Vec<(TrialId, u32)> {
        self.active().map(|(id, attempt)| (id.clone(), attempt)).collect()
    }

    fn stop(
        &mut self,
        id: TrialId,
        attempt: u32,
        cause: StopCause,
        mode: StopMode,
        actions: &mut Vec<Action>,
    ) {
        let trial = self.trial_mut(&id);
        if trial.cause < Some(cause) {
            trial.cause = Some(cause);
            actions.push(Action::RecordStop(id.clone(), attempt, cause));
        }
        actions.push(match mode {
            StopMode::Graceful => Action::Stop(id, attempt),
            StopMode::Immediate => Action::Kill(id, attempt),
        });
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
