//! The state of a run, and what may start next.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;

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
        let order = Vec::new();
        let mut scheduler = Self { listed, order, trials, policy, stopping: None, failed: 0 };
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
        let more_to_start = self.stopping.is_none() && self.trials.values().any(Trial::is_waiting);
        !more_to_start && self.active().next().is_none()
    }

    /// `None` while trials may be started.
    pub fn stopping(&self) -> Option<StopRequest> {
        self.stopping
    }

    /// The trial to start next, if one may start at `now_ms` (since the supervisor started).
    pub fn next(&self, now_ms: i64) -> Option<&TrialId> {
        if self.stopping.is_some() || self.active().count() >= self.policy.jobs {
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
