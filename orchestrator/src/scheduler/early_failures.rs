//! The rule for a queue of trials that all fail the same way before their first event, by a missing
//! package or a wrong argument: the rest of it waits, as it would only fail, too.
//!
//! As soon as any attempt reports an event, the worker works, and the rule no longer applies.

use std::collections::BTreeMap;

use experiments::protocol::trial_id::TrialId;

/// The number of trials that must fail the same way, or all of a run's trials if they are fewer.
const ENOUGH: usize = 3;

/// A single trial shows nothing about others.
const FEWEST: usize = 2;

/// Attempts of this supervisor's time that failed before their first event.
#[derive(Debug, Clone)]
pub(super) struct EarlyFailures {
    /// The number of trials from which on the queue waits; `None` if the rule is off.
    enough: Option<usize>,
    /// By exit code and last line of the log: the trials, with the last such attempt of each.
    trials: BTreeMap<String, BTreeMap<TrialId, u32>>,
}

/// Trials that failed the same way before their first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameFailure {
    /// Exit code and last line of the log.
    pub cause: String,
    /// The trials, with the last such attempt of each.
    pub trials: BTreeMap<TrialId, u32>,
}

impl EarlyFailures {
    /// Nothing has failed yet of so many trials to run; `applies` is false with `--keep-going`.
    pub(super) fn new(trials: usize, applies: bool) -> Self {
        let enough = applies.then_some(trials.clamp(FEWEST, ENOUGH));
        Self { enough, trials: BTreeMap::new() }
    }

    /// An attempt has reported an event, or succeeded: the worker works.
    pub(super) fn on_event(&mut self) {
        self.enough = None;
    }

    /// An attempt has ended before its first event.
    pub(super) fn on_failure(&mut self, trial: &TrialId, attempt: u32, cause: String) {
        self.trials.entry(cause).or_default().insert(trial.clone(), attempt);
    }

    /// The trial is to be tried again on request.
    pub(super) fn forget(&mut self, trial: &TrialId) {
        for trials in self.trials.values_mut() {
            trials.remove(trial);
        }
    }

    /// The failure for which the queue waits.
    pub(super) fn same(&self) -> Option<SameFailure> {
        let (cause, trials) = self.trials.iter().max_by_key(|(_, trials)| trials.len())?;
        let is_enough = self.enough.is_some_and(|enough| trials.len() >= enough);
        is_enough.then(|| SameFailure { cause: cause.clone(), trials: trials.clone() })
    }
}
