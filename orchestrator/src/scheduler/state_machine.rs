//! The state of a run, and what may start next.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;

use super::early_failures::{EarlyFailures, SameFailure};
use super::priority::order;
use super::trial::Trial;
use super::{Policy, RecoveredTrial, Role, State, StopRequest};

/// The state of a run and the rules that change it.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// In the file's order.
    pub(super) listed: Vec<TrialId>,
    /// In starting order.
    order: Vec<TrialId>,
    pub(super) trials: BTreeMap<TrialId, Trial>,
    pub(super) policy: Policy,
    pub(super) stopping: Option<StopRequest>,
    /// Number of trials that failed since this supervisor started.
    pub(super) failed: u32,
    pub(super) early_failures: EarlyFailures,
}

impl Scheduler {
    /// The trials come in the file's order.
    pub fn new(recovered: impl IntoIterator<Item = RecoveredTrial>, policy: Policy) -> Self {
        let mut listed = Vec::new();
        let mut trials = BTreeMap::new();
        for trial in recovered {
            trials.insert(trial.id.clone(), Trial::new(&trial, &policy));
            listed.push(trial.id);
        }
        let to_run = trials.values().filter(|trial| trial.is_to_run()).count();
        let early_failures = EarlyFailures::new(to_run, !policy.keep_going);
        let (order, stopping, failed) = (Vec::new(), None, 0);
        let mut scheduler =
            Self { listed, order, trials, policy, stopping, failed, early_failures };
        scheduler.set_order();
        scheduler
    }

    /// `None` if this run has no such trial.
    pub fn state(&self, trial: &TrialId) -> Option<&State> {
        self.trials.get(trial).map(|t| &t.state)
    }

    /// True if the trial is run to its end, not only watched.
    pub(crate) fn is_scheduled(&self, trial: &TrialId) -> bool {
        self.trials.get(trial).is_some_and(|t| t.role == Role::Scheduled)
    }

    /// True if the trial must not share its GPUs.
    pub fn needs_whole_gpus(&self, trial: &TrialId) -> bool {
        self.trials.get(trial).is_some_and(|t| t.history.needs_whole_gpus)
    }

    /// Every trial with its state, in the file's order.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.listed.iter().map(|id| (id, &self.trials[id].state))
    }

    /// The trials that have an active attempt, with its number.
    pub fn active(&self) -> impl Iterator<Item = (&TrialId, u32)> {
        self.states().filter_map(|(id, state)| Some((id, state.active_attempt()?)))
    }

    /// True once no attempt is active and none will be started.
    pub fn is_done(&self) -> bool {
        let more_to_start = self.stopping.is_none() && self.waiting().next().is_some();
        !more_to_start && self.active().next().is_none()
    }

    /// The trials that will be started sooner or later, unless the run is stopped.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &TrialId> {
        self.trials.iter().filter(|(_, trial)| trial.is_waiting()).map(|(id, _)| id)
    }

    /// The failure for which the queue waits: until an attempt that is still active reports an event,
    /// or the run ends.
    pub fn same_failure(&self) -> Option<&SameFailure> {
        self.early_failures.same()
    }

    /// `None` while trials may be started.
    pub fn stopping(&self) -> Option<StopRequest> {
        self.stopping
    }

    /// The trial to start next, if one may start at `now_ms` (since the supervisor started).
    pub fn next(&self, now_ms: i64) -> Option<&TrialId> {
        let is_held = self.stopping.is_some() || self.same_failure().is_some();
        if is_held || self.active().count() >= self.policy.jobs {
            return None;
        }
        self.order.iter().find(|id| {
            let trial = &self.trials[*id];
            trial.is_waiting() && trial.ready_ms <= now_ms
        })
    }

    pub(super) fn set_order(&mut self) {
        let trials: Vec<_> = self.listed.iter().map(|id| &self.trials[id]).collect();
        let known: Vec<_> = trials.iter().map(|t| (&t.weight, t.duration_ms())).collect();
        self.order = order(&known).into_iter().map(|at| self.listed[at].clone()).collect();
    }
}
