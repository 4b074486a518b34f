//! The step that an attempt has resumed from, concluded from the steps at which its metrics begin: a
//! program that appends no events does not say it.

use std::collections::{BTreeMap, BTreeSet};

/// The beginning of an attempt; the earlier is the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beginning {
    /// It has started from scratch.
    Scratch,
    /// It has resumed from this step.
    ResumedFrom(u64),
}

/// An attempt's beginning, as far as it is known.
pub(super) struct Resumption {
    /// The first step of every metric in the trial's earlier attempts.
    before: BTreeMap<String, u64>,
    /// The last step of all of them, if there are sources whose lines name a step.
    last: Option<u64>,
    /// The metrics that this attempt has reported.
    seen: BTreeSet<String>,
    /// The last conclusion; `None` before any.
    concluded: Option<Beginning>,
}

impl Resumption {
    pub(super) fn new(before: BTreeMap<String, u64>, last: Option<u64>) -> Self {
        Self { before, last, seen: BTreeSet::new(), concluded: None }
    }

    /// The attempt's beginning, if it is another than was concluded before `metrics` were reported at
    /// `step`.
    ///
    /// A metric that begins later than it did before continues from a checkpoint just before; one that
    /// begins no later shows that the trial has restarted. The earliest of all metrics counts. A step that `is_counted`
    /// shows neither where others are named: a program that has gone on behind its last step may report nothing else.
    pub(super) fn of<'a>(
        &mut self,
        step: u64,
        is_counted: bool,
        metrics: impl Iterator<Item = &'a String>,
    ) -> Option<Beginning> {
        let mut conclusion = self.concluded;
        for metric in metrics {
            if self.concluded == Some(Beginning::Scratch) || self.seen.contains(metric) {
                continue;
            }
            self.seen.insert(metric.clone());
            let goes_on =
                self.last.filter(|_| is_counted && self.before.keys().any(|m| m != metric));
            let beginning = match self.before.get(metric) {
                _ if let Some(last) = goes_on => Beginning::ResumedFrom(last),
                Some(first) if step > *first => Beginning::ResumedFrom(step - 1),
                Some(_) => Beginning::Scratch,
                // A metric that is new says nothing, unless all of them are.
                None if self.before.is_empty() => Beginning::Scratch,
                None => continue,
            };
            conclusion = Some(conclusion.map_or(beginning, |earlier| earlier.min(beginning)));
        }
        let is_new = conclusion != self.concluded;
        self.concluded = conclusion;
        conclusion.filter(|_| is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumption(before: &[(&str, u64)]) -> Resumption {
        let last = before.iter().map(|(_, step)| *step).max();
        Resumption::new(
            before.iter().map(|(name, step)| ((*name).to_owned(), *step)).collect(),
            last,
        )
    }

    fn report(resumption: &mut Resumption, step: u64, metric: &str) -> Option<Beginning> {
        resumption.of(step, false, [metric.to_owned()].iter())
    }

    #[test]
    fn a_first_attempt_begins_at_the_beginning() {
        let mut first = resumption(&[]);
        assert_eq!(report(&mut first, 5, "loss"), Some(Beginning::Scratch));
        assert_eq!(report(&mut first, 3, "acc"), None);
    }

    #[test]
    fn a_metric_that_begins_later_than_before_continues() {
        let mut resumed = resumption(&[("loss", 1), ("acc", 100)]);
        assert_eq!(report(&mut resumed, 200, "acc"), Some(Beginning::ResumedFrom(199)));
        assert_eq!(report(&mut resumed, 151, "loss"), Some(Beginning::ResumedFrom(150)));
        assert_eq!(report(&mut resumed, 152, "loss"), None);
    }

    #[test]
    fn a_metric_that_begins_as_before_has_restarted() {
        let mut restarted = resumption(&[("loss", 1), ("acc", 100)]);
        assert_eq!(report(&mut restarted, 100, "acc"), Some(Beginning::Scratch));
        assert_eq!(report(&mut restarted, 1, "loss"), None);
        let mut unknown = resumption(&[("loss", 1)]);
        assert_eq!(report(&mut unknown, 7, "new"), None);
        assert_eq!(report(&mut unknown, 7, "loss"), Some(Beginning::ResumedFrom(6)));
    }

    #[test]
    fn a_counted_step_decides_nothing_beside_named_ones() {
        let counted = |resumption: &mut Resumption, metric: &str| {
            resumption.of(1, true, [metric.to_owned()].iter())
        };
        // The last step was made and measured, or not even that.
        for before in [&[("loss", 20), ("acc", 1)][..], &[("loss", 20)]] {
            let mut ended = resumption(before);
            assert_eq!(counted(&mut ended, "acc"), Some(Beginning::ResumedFrom(20)));
            // It had begun again, as the next line shows.
            assert_eq!(report(&mut ended, 20, "loss"), Some(Beginning::Scratch));
        }
        // Where all are counted, they say what steps do.
        let mut restarted =
            Resumption::new([("loss".to_owned(), 1), ("acc".to_owned(), 1)].into(), None);
        assert_eq!(counted(&mut restarted, "loss"), Some(Beginning::Scratch));
    }
}
