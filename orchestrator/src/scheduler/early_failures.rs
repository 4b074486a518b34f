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
    /// By exit code and last line of the log, whatever the numbers in it: a trial's own settings may be
    /// among them.
    by_cause: BTreeMap<String, SameFailure>,
}

/// Trials that failed the same way before their first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameFailure {
    /// Exit code and last line of the log of the first of them.
    pub cause: String,
    /// The trials, with the last such attempt of each.
    pub trials: BTreeMap<TrialId, u32>,
}

impl EarlyFailures {
    /// Nothing has failed yet of so many trials to run; `applies` is false with `--keep-going`.
    pub(super) fn new(trials: usize, applies: bool) -> Self {
        let enough = applies.then_some(trials.clamp(FEWEST, ENOUGH));
        Self { enough, by_cause: BTreeMap::new() }
    }

    /// An attempt has reported an event, or succeeded: the worker works.
    pub(super) fn on_event(&mut self) {
        self.enough = None;
    }

    /// An attempt has ended before its first event.
    pub(super) fn on_failure(&mut self, trial: &TrialId, attempt: u32, cause: String) {
        let (exit, line) = cause.split_once(": ").unwrap_or((&cause, ""));
        let same = self.by_cause.entry(format!("{exit}: {}", without_numbers(line)));
        let same = same.or_insert(SameFailure { cause, trials: BTreeMap::new() });
        same.trials.insert(trial.clone(), attempt);
    }

    /// The trial is to be tried again on request.
    pub(super) fn forget(&mut self, trial: &TrialId) {
        for same in self.by_cause.values_mut() {
            same.trials.remove(trial);
        }
    }

    /// The failure for which the queue waits.
    pub(super) fn same(&self) -> Option<&SameFailure> {
        let most = self.by_cause.values().max_by_key(|same| same.trials.len())?;
        let is_enough = self.enough.is_some_and(|enough| most.trials.len() >= enough);
        is_enough.then_some(most)
    }
}

/// The text with `0` for every number.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut in_number = false;
    for c in text.chars() {
        // Of a number like `1e-3`, the exponent too.
        let goes_on = in_number && matches!(c, 'e' | 'E' | '-' | '+');
        let is_part = c.is_ascii_digit() || c == '.' || goes_on;
        if !is_part || !in_number {
            out.push(if is_part { '0' } else { c });
        }
        in_number = is_part;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_the_last_line_make_no_other_cause() {
        let mut failures = EarlyFailures::new(9, true);
        let lines = ["exit 2: no such option: --lr 0.1", "exit 2: no such option: --lr 1e-3"];
        let causes = [
            lines[0],
            lines[1],
            "exit 1: no such option: --lr 5",
            "exit 2: no such option: --lr .5",
        ];
        for (n, cause) in causes.iter().enumerate() {
            assert_eq!(failures.same(), None, "{n}");
            failures.on_failure(&TrialId(format!("a-s{n}")), 1, (*cause).to_owned());
        }
        let same = failures.same().unwrap();
        assert_eq!((same.cause.as_str(), same.trials.len()), (lines[0], 3));
    }
}
