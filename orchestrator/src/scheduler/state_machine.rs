//! The state of a run and the rules that move it.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::schema::file::{AfterStall, Retry};
use serde::{Deserialize, Serialize};

use super::trial::Trial;
use super::{
    Action, Change, Ending, History, Input, Liveness, RecoveredTrial, Role, State, StopCause,
    Verdict, judge, order,
};
use crate::run_dir::attempt::StopMode;
use experiments::protocol::trial_id::TrialId;

/// The rules of one run.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What follows a failure.
    pub retry: Retry,
    /// How many trials may run at once.
    pub jobs: usize,
    /// Once so many trials have failed, the run stops.
    pub max_fails: Option<u32>,
    /// What follows a stall.
    pub after_stall: AfterStall,
    /// Whether trials share GPUs with each other.
    pub shares_gpu: bool,
}

/// A stop of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopRequest {
    /// Somebody asked for it.
    ByUser(StopMode),
    /// As many trials have failed as are put up with.
    TooManyFailures,
}

/// The state of a run and the rules that move it.
#[derive(Debug, Clone)]
pub struct Core {
    /// In the file's order.
    listed: Vec<TrialId>,
    /// In the order in which they are started.
    order: Vec<TrialId>,
    trials: BTreeMap<TrialId, Trial>,
    policy: Policy,
    stopping: Option<StopRequest>,
    /// Trials that failed since this supervisor began.
    failed: u32,
}

impl Core {
    /// A run of trials, in the file's order.
    pub fn new(recovered: impl IntoIterator<Item = RecoveredTrial>, policy: Policy) -> Self {
        let mut listed = Vec::new();
        let mut trials = BTreeMap::new();
        for trial in recovered {
            trials.insert(trial.id.clone(), Trial::new(&trial, &policy));
            listed.push(trial.id);
        }
        let order = Vec::new();
        let mut core = Self { listed, order, trials, policy, stopping: None, failed: 0 };
        core.set_order();
        core
    }

    /// A trial's state; `None` if this run has no such trial.
    pub fn state(&self, trial: &TrialId) -> Option<&State> {
        self.trials.get(trial).map(|t| &t.state)
    }

    /// Whether the trial is to be carried to its end, not only watched.
    pub fn is_carried(&self, trial: &TrialId) -> bool {
        self.trials.get(trial).is_some_and(|t| t.role == Role::Carried)
    }

    /// Whether the trial must have its GPUs for itself.
    pub fn needs_whole_gpus(&self, trial: &TrialId) -> bool {
        self.trials.get(trial).is_some_and(|t| t.history.alone)
    }

    /// Every trial with its state, in the file's order.
    pub fn states(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.listed.iter().map(|id| (id, &self.trials[id].state))
    }

    /// The trials that have an attempt under way, with its number.
    pub fn active(&self) -> impl Iterator<Item = (&TrialId, u32)> {
        self.states().filter_map(|(id, state)| Some((id, state.active_attempt()?)))
    }

    /// Whether nothing is under way and nothing will be started any more.
    pub fn is_done(&self) -> bool {
        let over = |trial: &Trial| trial.state.active_attempt().is_none();
        let starts = |trial: &Trial| self.stopping.is_none() && trial.waits();
        self.trials.values().all(|trial| over(trial) && !starts(trial))
    }

    /// Why nothing more is started, if that is so.
    pub fn stopping(&self) -> Option<StopRequest> {
        self.stopping
    }

    /// The trial to start next, if one may start at `now_ms` (since the supervisor began).
    pub fn next(&self, now_ms: i64) -> Option<&TrialId> {
        if self.stopping.is_some() || self.active().count() >= self.policy.jobs {
            return None;
        }
        let ready = |trial: &Trial| trial.waits() && trial.ready_ms <= now_ms;
        self.order.iter().find(|id| ready(&self.trials[*id]))
    }

    /// Takes in what happened at `now_ms` (since the supervisor began) and says what is to be done.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Began => self.on_began(&mut actions),
            Input::HolderStarted(id) => {
                if let Some(State::Starting { attempt }) = self.state(&id) {
                    let change = Change::HolderStarted { attempt: *attempt };
                    self.change(&id, change, &mut actions);
                }
            }
            Input::Checkpointed(id, step) => {
                if let Some(history) = self.history_under_way(&id) {
                    history.checkpointed(step);
                }
            }
            Input::Reached(id, step) => {
                if let Some(history) = self.history_under_way(&id) {
                    history.reached(step);
                }
            }
            Input::Ended(id, ending) => self.on_ended(&id, &ending, now_ms, &mut actions),
            Input::Leased(id) => {
                let trial = self.trial(&id);
                trial.attempts += 1;
                trial.history.started();
                (trial.cause, trial.stalled) = (None, false);
                let attempt = trial.attempts;
                self.change(&id, Change::Start { attempt }, &mut actions);
                actions.push(Action::Start(id, attempt));
            }
            Input::Blocked(id, reason) => {
                self.change(&id, Change::Queue { reason }, &mut actions);
            }
            Input::Stalled(id) => self.on_liveness(&id, Liveness::Stalled, &mut actions),
            Input::Recovered(id) => self.on_liveness(&id, Liveness::Recovered, &mut actions),
            Input::Interrupt(mode) => {
                let asked = match self.stopping {
                    Some(StopRequest::ByUser(before)) => before.max(mode),
                    Some(StopRequest::TooManyFailures) | None => mode,
                };
                self.stopping = Some(StopRequest::ByUser(asked));
                self.stop_all(asked, &mut actions);
            }
            Input::Cancel(id, mode) => self.on_cancel(&id, mode, &mut actions),
            Input::Retry(id) => self.on_retry(&id, &mut actions),
        }
        actions
    }

    fn trial(&mut self, id: &TrialId) -> &mut Trial {
        self.trials.get_mut(id).expect("inputs speak of this run's trials")
    }

    /// Words about an attempt that is over come too late to be remembered.
    fn history_under_way(&mut self, id: &TrialId) -> Option<&mut History> {
        let trial = self.trial(id);
        trial.state.active_attempt().map(|_| &mut trial.history)
    }

    /// The only place where a trial's state changes.
    fn change(&mut self, id: &TrialId, change: Change, actions: &mut Vec<Action>) {
        let trial = self.trial(id);
        let from = trial.state.clone();
        let to = from.clone().apply(change).expect("the core asks only for legal transitions");
        trial.state = to.clone();
        if from != to {
            actions.push(Action::Record { trial: id.clone(), from, to });
        }
    }

    /// An earlier supervisor may have died between deciding on a stop and asking for it.
    fn on_began(&mut self, actions: &mut Vec<Action>) {
        let active: Vec<_> = self.active().map(|(id, attempt)| (id.clone(), attempt)).collect();
        for (id, attempt) in active {
            let trial = &self.trials[&id];
            if trial.role == Role::Retired {
                self.ask_to_stop(id, attempt, StopCause::Retired, StopMode::Graceful, actions);
            } else if matches!(trial.cause, Some(StopCause::Cancelled | StopCause::Stalled)) {
                actions.push(Action::Stop(id, attempt));
            }
        }
    }

    fn on_ended(&mut self, id: &TrialId, ending: &Ending, now_ms: i64, actions: &mut Vec<Action>) {
        let (policy, stopping) = (self.policy.clone(), self.stopping.is_some());
        let trial = self.trial(id);
        let Some(attempt) = trial.state.active_attempt() else { return };
        let cause = trial.cause.take();
        trial.spent_ms += ending.took_ms();
        let verdict = judge(ending, cause, &mut trial.history, &policy);
        let stays = stopping || trial.role == Role::Retired;
        let change = match verdict {
            Verdict::Succeeded => Change::Succeed { attempt },
            Verdict::Failed { class, message } => Change::Fail { attempt, class, message },
            Verdict::Again { reason, .. } if cause == Some(StopCause::Cancelled) => {
                Change::Cancel { reason }
            }
            Verdict::Again { reason, .. } if stays => Change::Interrupt { attempt, reason },
            Verdict::Again { reason, after } => {
                trial.ready_ms = now_ms.saturating_add(millis(after));
                Change::Queue { reason }
            }
        };
        self.change(id, change, actions);
        match self.state(id) {
            Some(State::Failed { .. }) => self.on_failed(actions),
            // What has been measured tells how long the others will take.
            Some(State::Succeeded { .. }) => self.set_order(),
            _ => {}
        }
    }

    fn set_order(&mut self) {
        let trials: Vec<_> = self.listed.iter().map(|id| &self.trials[id]).collect();
        let known: Vec<_> = trials.iter().map(|trial| (&trial.weight, trial.took_ms())).collect();
        self.order = order(&known).into_iter().map(|at| self.listed[at].clone()).collect();
    }

    fn on_liveness(&mut self, id: &TrialId, liveness: Liveness, actions: &mut Vec<Action>) {
        let (after_stall, trial) = (self.policy.after_stall, self.trial(id));
        let Some(attempt) = trial.state.active_attempt() else { return };
        let stalled = liveness == Liveness::Stalled;
        let news = trial.stalled != stalled;
        if news {
            trial.stalled = stalled;
            actions.push(Action::RecordLiveness(id.clone(), attempt, liveness));
        }
        // An earlier supervisor may have died between writing that down and asking for the stop.
        let to_stop = news || trial.cause.is_none();
        if stalled && to_stop && after_stall == AfterStall::Retry {
            let (cause, mode) = (StopCause::Stalled, StopMode::Graceful);
            self.ask_to_stop(id.clone(), attempt, cause, mode, actions);
        }
    }

    fn on_failed(&mut self, actions: &mut Vec<Action>) {
        self.failed += 1;
        if self.stopping.is_none() && self.policy.max_fails.is_some_and(|max| self.failed >= max) {
            self.stopping = Some(StopRequest::TooManyFailures);
            self.stop_all(StopMode::Graceful, actions);
        }
    }

    fn on_cancel(&mut self, id: &TrialId, mode: StopMode, actions: &mut Vec<Action>) {
        let state = &self.trial(id).state;
        if let Some(attempt) = state.active_attempt() {
            self.ask_to_stop(id.clone(), attempt, StopCause::Cancelled, mode, actions);
        } else if matches!(state, State::Queued { .. }) {
            let reason = "before it was started".to_owned();
            self.change(id, Change::Cancel { reason }, actions);
        }
    }

    fn on_retry(&mut self, id: &TrialId, actions: &mut Vec<Action>) {
        let trial = self.trial(id);
        if !trial.state.may_be_retried() || trial.role == Role::Retired {
            return;
        }
        let reason = format!("to be tried again after: {}", trial.state.reason());
        trial.role = Role::Carried;
        trial.history = History::default();
        trial.ready_ms = 0;
        actions.push(Action::ResetAttempts(id.clone()));
        self.change(id, Change::Queue { reason }, actions);
    }

    fn stop_all(&mut self, mode: StopMode, actions: &mut Vec<Action>) {
        let active: Vec<_> = self.active().map(|(id, attempt)| (id.clone(), attempt)).collect();
        for (id, attempt) in active {
            self.ask_to_stop(id, attempt, StopCause::Interrupted, mode, actions);
        }
    }

    fn ask_to_stop(
        &mut self,
        id: TrialId,
        attempt: u32,
        cause: StopCause,
        mode: StopMode,
        actions: &mut Vec<Action>,
    ) {
        let trial = self.trial(&id);
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
