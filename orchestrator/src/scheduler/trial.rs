//! A trial as the core knows it.

use super::{Ending, History, PastAttempt, State, StopCause, Weight};
use experiments::protocol::trial_id::TrialId;

/// What a supervisor has to do with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Carries it to its end.
    Carried,
    /// Watches its attempt to the end, if there is one, and starts none.
    LeftOut,
    /// Has its attempt stopped, if there is one: the file no longer names it.
    Retired,
}

/// A trial as its records tell it.
#[derive(Debug, Clone)]
pub struct RecoveredTrial {
    /// Its id.
    pub id: TrialId,
    /// What is to be done with it.
    pub role: Role,
    /// What decides when it starts.
    pub weight: Weight,
    /// Its state.
    pub state: State,
    /// Its attempts, the first one first.
    pub past: Vec<PastAttempt>,
    /// Attempts up to this number no longer count against it.
    pub attempts_reset: u32,
}

/// What the core remembers of a trial.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) role: Role,
    pub(super) weight: Weight,
    pub(super) state: State,
    /// How many attempts it has had.
    pub(super) attempts: u32,
    pub(super) history: History,
    /// Why the attempt under way was asked to stop.
    pub(super) cause: Option<StopCause>,
    /// Whether nothing has been heard of the attempt under way for too long.
    pub(super) stalled: bool,
    /// Milliseconds that its attempts have taken so far.
    pub(super) spent_ms: f64,
    /// Not before this time, in milliseconds since the supervisor began.
    pub(super) ready_ms: i64,
}

impl Trial {
    pub(super) fn new(recovered: &RecoveredTrial, policy: &super::Policy) -> Self {
        let counting: Vec<_> = recovered
            .past
            .iter()
            .filter(|past| past.number > recovered.attempts_reset)
            .cloned()
            .collect();
        let active = recovered.state.active_attempt();
        let last = recovered.past.last();
        let present = last.filter(|past| active == Some(past.number));
        let endings = recovered.past.iter().filter_map(|past| past.ending.as_ref());
        Self {
            role: recovered.role,
            weight: recovered.weight.clone(),
            state: recovered.state.clone(),
            attempts: last.map_or(0, |past| past.number),
            history: History::replay(&counting, policy),
            cause: present.and_then(|past| past.cause),
            stalled: present.is_some_and(|past| past.stalled),
            spent_ms: endings.map(Ending::took_ms).sum(),
            ready_ms: 0,
        }
    }

    /// How long it took, if it has succeeded.
    pub(super) fn took_ms(&self) -> Option<f64> {
        matches!(self.state, State::Succeeded { .. }).then_some(self.spent_ms)
    }

    /// Whether it is to be started, sooner or later.
    pub(super) fn waits(&self) -> bool {
        self.role == Role::Carried && matches!(self.state, State::Queued { .. })
    }
}
