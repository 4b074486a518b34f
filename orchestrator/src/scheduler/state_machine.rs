//! The state of a run, and what may start next.

use std::collections::{BTreeSet, HashMap};

use experiments::protocol::trial_id::TrialId;

use super::early_failures::{EarlyFailures, SameFailure};
use super::queue::Queue;
use super::trial::{Trial, TrialSummary};
use super::{Policy, RecoveredTrial, Role, State, StopRequest};

/// The state of a run and the rules that change it.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// In the file's order.
    pub(super) trials: Vec<Trial>,
    /// Positions in it.
    positions: HashMap<TrialId, usize>,
    /// The trials that will be started sooner or later, unless the run is stopped.
    pub(super) queue: Queue,
    /// The trials with an active attempt.
    pub(super) active: BTreeSet<usize>,
    pub(super) policy: Policy,
    pub(super) stopping: Option<StopRequest>,
    /// Number of trials that failed since this supervisor started.
    pub(super) failed: u32,
    pub(super) early_failures: EarlyFailures,
}

impl Scheduler {
    /// The trials come in the file's order.
    pub fn new(recovered: impl IntoIterator<Item = RecoveredTrial>, policy: Policy) -> Self {
        let recovered = recovered.into_iter();
        let trials: Vec<_> = recovered.map(|trial| Trial::new(trial, &policy)).collect();
        let positions = trials.iter().enumerate().map(|(at, trial)| (trial.id.clone(), at));
        let mut queue = Queue::new(trials.iter().map(|trial| &trial.weight));
        for (at, trial) in trials.iter().enumerate() {
            if let Some(duration_ms) = trial.duration_ms() {
                queue.on_success(at, duration_ms);
            }
            if trial.is_waiting() {
                queue.insert(at, trial.ready_ms);
            }
        }
        let to_run = trials.iter().filter(|trial| trial.is_to_run()).count();
        let active = trials.iter().enumerate();
        let active = active.filter(|(_, trial)| trial.state.active_attempt().is_some());
        Self {
            positions: positions.collect(),
            queue,
            active: active.map(|(at, _)| at).collect(),
            early_failures: EarlyFailures::new(to_run, !policy.keep_going),
            trials,
            policy,
            stopping: None,
            failed: 0,
        }
    }

    /// The position of a trial; `None` if this run has no such trial.
    pub(super) fn position(&self, trial: &TrialId) -> Option<usize> {
        self.positions.get(trial).copied()
    }

    fn trial(&self, trial: &TrialId) -> Option<&Trial> {
        self.position(trial).map(|at| &self.trials[at])
    }

    /// `None` if this run has no such trial.
    pub fn state(&self, trial: &TrialId) -> Option<&State> {
        self.trial(trial).map(|t| &t.state)
    }

    /// True if the trial must not share its GPUs.
    pub fn needs_whole_gpus(&self, trial: &TrialId) -> bool {
        self.trial(trial).is_some_and(|t| t.history.needs_whole_gpus)
    }

    /// Every trial with its state, in the file's order.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.trials.iter().map(|trial| (&trial.id, &trial.state))
    }

    /// Every trial with what decides how long it takes, in the file's order.
    pub(crate) fn trials(&self) -> impl Iterator<Item = TrialSummary<'_>> {
        self.trials.iter().map(|trial| TrialSummary {
            id: &trial.id,
            state: &trial.state,
            weight: &trial.weight,
            spent_ms: trial.spent_ms,
            is_scheduled: trial.role == Role::Scheduled,
        })
    }

    /// The trials that have an active attempt, with its number.
    pub fn active(&self) -> impl Iterator<Item = (&TrialId, u32)> {
        let trials = self.active.iter().map(|at| &self.trials[*at]);
        trials.filter_map(|trial| Some((&trial.id, trial.state.active_attempt()?)))
    }

    /// True once no attempt is active and none will be started.
    pub fn is_done(&self) -> bool {
        let more_to_start = self.stopping.is_none() && !self.queue.is_empty();
        !more_to_start && self.active.is_empty()
    }

    /// The trials that will be started sooner or later, unless the run is stopped.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &TrialId> {
        self.trials.iter().filter(|trial| trial.is_waiting()).map(|trial| &trial.id)
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

    /// The trial to start next, if one may start at `now_ms` (since the supervisor started), which never
    /// decreases.
    pub fn next(&mut self, now_ms: i64) -> Option<&TrialId> {
        let is_held = self.stopping.is_some() || self.same_failure().is_some();
        if is_held || self.active.len() >= self.policy.jobs {
            return None;
        }
        self.queue.first(now_ms).map(|at| &self.trials[at].id)
    }
}
