//! A trial in the scheduler's memory.

use experiments::protocol::trial_id::TrialId;

use super::{AttemptEnd, AttemptSummary, History, Policy, State, StopCause, Weight};

/// A supervisor's treatment of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs it to its end.
    Scheduled,
    /// Only watches its active attempt, if there is one; `--only` left it out.
    LeftOut,
    /// Stops its active attempt: the file no longer has it.
    Retired,
}

/// A trial as a new supervisor finds it in the records.
#[derive(Debug, Clone)]
pub struct RecoveredTrial {
    pub(crate) id: TrialId,
    pub(crate) role: Role,
    pub(crate) weight: Weight,
    pub(crate) state: State,
    /// The first one first.
    pub(crate) attempts: Vec<AttemptSummary>,
    /// Attempts up to this number no longer count against it.
    pub(crate) attempts_reset: u32,
}

/// A trial as displays need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrialSummary<'a> {
    pub(crate) id: &'a TrialId,
    pub(crate) state: &'a State,
    pub(crate) weight: &'a Weight,
    /// Milliseconds in attempts that have ended.
    pub(crate) spent_ms: f64,
    /// True if this supervisor takes it to its end.
    pub(crate) is_scheduled: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) id: TrialId,
    pub(super) role: Role,
    pub(super) weight: Weight,
    pub(super) state: State,
    /// The number of its last attempt; 0 before the first.
    pub(super) attempts: u32,
    pub(super) history: History,
    /// `None` while the active attempt has not been asked to stop.
    pub(super) cause: Option<StopCause>,
    /// The active attempt has stalled.
    pub(super) stalled: bool,
    /// The active attempt has reported an event, or may have to an earlier supervisor.
    pub(super) reported: bool,
    /// The sum of its attempts' durations.
    pub(super) spent_ms: f64,
    /// Earliest time of the next attempt, since the supervisor started.
    pub(super) ready_ms: i64,
}

impl Trial {
    pub(super) fn new(recovered: RecoveredTrial, policy: &Policy) -> Self {
        let counting: Vec<_> = recovered
            .attempts
            .iter()
            .filter(|attempt| attempt.number > recovered.attempts_reset)
            .cloned()
            .collect();
        let last = recovered.attempts.last();
        let active_number = recovered.state.active_attempt();
        let active = last.filter(|attempt| active_number == Some(attempt.number));
        let ends = recovered.attempts.iter().filter_map(|attempt| attempt.end.as_ref());
        Self {
            attempts: last.map_or(0, |attempt| attempt.number),
            history: History::replay(&counting, policy),
            cause: active.and_then(|attempt| attempt.cause),
            stalled: active.is_some_and(|attempt| attempt.stalled),
            reported: true,
            spent_ms: ends.map(AttemptEnd::duration_ms).sum(),
            ready_ms: 0,
            id: recovered.id,
            role: recovered.role,
            weight: recovered.weight,
            state: recovered.state,
        }
    }

    /// The trial's duration; `None` until it has succeeded.
    pub(super) fn duration_ms(&self) -> Option<f64> {
        matches!(self.state, State::Succeeded { .. }).then_some(self.spent_ms)
    }

    /// True if its end is up to this run.
    pub(super) fn is_to_run(&self) -> bool {
        self.role == Role::Scheduled && !self.state.is_settled()
    }

    /// True if it will be started sooner or later.
    pub(super) fn is_waiting(&self) -> bool {
        self.role == Role::Scheduled && matches!(self.state, State::Queued { .. })
    }
}
