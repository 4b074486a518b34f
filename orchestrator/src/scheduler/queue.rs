//! The waiting trials in starting order: those of higher priority first, then those expected to take
//! longest, so that no long one runs alone at the end, then those that the file names first.
//!
//! Trials of the same [`Weight`] form a class. A class is ranked by the first of its trials, so that
//! what starts next is the best of few, however many wait. Classes whose variant has been measured are
//! ranked apart from the others: a new measurement scales the expected durations of all of those, which
//! leaves their order as it is.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

/// The part of a trial's settings that decides when it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weight {
    /// Trials of one variant are expected to take the same time.
    pub variant: String,
    /// Higher starts first.
    pub priority: i64,
    /// Expected duration relative to the others, by the file.
    pub cost: f64,
}

/// Waiting trials, by their positions in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    classes: Vec<Class>,
    variants: Vec<Variant>,
    /// The class of every trial, waiting or not.
    class_of: Vec<usize>,
    /// The classes with ready trials.
    measured: BTreeSet<Rank>,
    unmeasured: BTreeSet<Rank>,
    /// Trials that are not ready yet, by the time at which they are.
    delayed: BTreeSet<(i64, usize)>,
    /// The time when that of each waiting trial was last compared.
    now_ms: i64,
    /// Milliseconds per unit of cost: their sum over the trials of measured variants, and the number of
    /// these.
    rates: (f64, f64),
}

/// Trials of the same weight.
#[derive(Debug, Clone)]
struct Class {
    variant: usize,
    priority: i64,
    cost: f64,
    ready: BTreeSet<usize>,
}

#[derive(Debug, Clone, Default)]
struct Variant {
    classes: Vec<usize>,
    /// The sum of 1/cost over its trials, and their number.
    inverse_costs: f64,
    trials: f64,
    /// The sum of the durations of those that succeeded, in milliseconds, and their number.
    durations: (f64, f64),
}

/// The rank of a class: the least starts first.
#[derive(Debug, Clone, Copy)]
struct Rank {
    priority: Reverse<i64>,
    /// Measured milliseconds, or else the cost.
    expected: Reverse<f64>,
    first: usize,
}

impl Queue {
    /// An empty queue of trials with these weights, in the file's order.
    pub(super) fn new<'a>(weights: impl Iterator<Item = &'a Weight>) -> Self {
        let mut queue = Self::default();
        let (mut variants, mut classes) = (BTreeMap::new(), BTreeMap::new());
        for Weight { variant, priority, cost } in weights {
            let at = *variants.entry(variant).or_insert_with(|| {
                queue.variants.push(Variant::default());
                queue.variants.len() - 1
            });
            let class = *classes.entry((at, *priority, cost.to_bits())).or_insert_with(|| {
                let (priority, cost, ready) = (*priority, *cost, BTreeSet::new());
                queue.classes.push(Class { variant: at, priority, cost, ready });
                queue.variants[at].classes.push(queue.classes.len() - 1);
                queue.classes.len() - 1
            });
            queue.class_of.push(class);
            queue.variants[at].inverse_costs += 1.0 / cost;
            queue.variants[at].trials += 1.0;
        }
        queue
    }

    /// Adds a trial that may start at `ready_ms`.
    pub(super) fn insert(&mut self, trial: usize, ready_ms: i64) {
        if ready_ms > self.now_ms {
            self.delayed.insert((ready_ms, trial));
        } else {
            self.change_class(self.class_of[trial], |ready| ready.insert(trial));
        }
    }

    /// Removes a trial that was added with `ready_ms`.
    pub(super) fn remove(&mut self, trial: usize, ready_ms: i64) {
        if !self.delayed.remove(&(ready_ms, trial)) {
            self.change_class(self.class_of[trial], |ready| ready.remove(&trial));
        }
    }

    /// True if no trial waits.
    pub(super) fn is_empty(&self) -> bool {
        self.measured.is_empty() && self.unmeasured.is_empty() && self.delayed.is_empty()
    }

    /// The trial to start next, of those that may start at `now_ms`, which never decreases.
    pub(super) fn first(&mut self, now_ms: i64) -> Option<usize> {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some((ready_ms, trial)) =
            self.delayed.first().copied().filter(|(ready_ms, _)| *ready_ms <= self.now_ms)
        {
            self.delayed.remove(&(ready_ms, trial));
            self.insert(trial, ready_ms);
        }
        let (sum, count) = self.rates;
        let rate = if count > 0.0 { sum / count } else { 1.0 };
        let measured = self.measured.first().copied();
        let unmeasured = self.unmeasured.first().copied();
        let scaled =
            unmeasured.map(|rank| Rank { expected: Reverse(rank.expected.0 * rate), ..rank });
        measured.into_iter().chain(scaled).min().map(|rank| rank.first)
    }

    /// Takes in the duration of a trial that has succeeded, in milliseconds.
    pub(super) fn on_success(&mut self, trial: usize, duration_ms: f64) {
        let at = self.classes[self.class_of[trial]].variant;
        for class in self.variants[at].classes.clone() {
            self.remove_rank(class);
        }
        let variant = &mut self.variants[at];
        if let Some(mean) = variant.mean_ms() {
            self.rates.0 -= mean * variant.inverse_costs;
        } else {
            self.rates.1 += variant.trials;
        }
        variant.durations.0 += duration_ms;
        variant.durations.1 += 1.0;
        self.rates.0 += variant.durations.0 / variant.durations.1 * variant.inverse_costs;
        for class in self.variants[at].classes.clone() {
            self.add_rank(class);
        }
    }

    fn change_class(&mut self, class: usize, change: impl FnOnce(&mut BTreeSet<usize>) -> bool) {
        self.remove_rank(class);
        change(&mut self.classes[class].ready);
        self.add_rank(class);
    }

    fn remove_rank(&mut self, class: usize) {
        if let Some((rank, ranks)) = self.rank(class) {
            ranks.remove(&rank);
        }
    }

    fn add_rank(&mut self, class: usize) {
        if let Some((rank, ranks)) = self.rank(class) {
            ranks.insert(rank);
        }
    }

    /// The rank of a class, and the set that it belongs to; `None` if none of its trials is ready.
    fn rank(&mut self, class: usize) -> Option<(Rank, &mut BTreeSet<Rank>)> {
        let Class { variant, priority, cost, ready } = &self.classes[class];
        let (first, priority) = (*ready.first()?, Reverse(*priority));
        Some(match self.variants[*variant].mean_ms() {
            Some(mean) => (Rank { priority, expected: Reverse(mean), first }, &mut self.measured),
            None => (Rank { priority, expected: Reverse(*cost), first }, &mut self.unmeasured),
        })
    }
}

impl Variant {
    /// The mean duration of its trials in milliseconds; `None` if none has succeeded.
    fn mean_ms(&self) -> Option<f64> {
        let (sum, count) = self.durations;
        (count > 0.0).then(|| sum / count)
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_expected = || other.expected.0.total_cmp(&self.expected.0);
        self.priority.cmp(&other.priority).then_with(by_expected).then(self.first.cmp(&other.first))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Variant, priority, cost, and milliseconds of a trial that has succeeded.
    type Trial = (&'static str, i64, f64, Option<f64>);

    fn weights(trials: &[Trial]) -> Vec<Weight> {
        let weight = |&(variant, priority, cost, _): &Trial| Weight {
            variant: variant.to_owned(),
            priority,
            cost,
        };
        trials.iter().map(weight).collect()
    }

    /// The variants in starting order; those that have been measured wait once more.
    fn ordered(trials: &[Trial]) -> Vec<&'static str> {
        let mut queue = Queue::new(weights(trials).iter());
        for (at, (.., duration)) in trials.iter().enumerate() {
            queue.insert(at, 0);
            if let Some(duration) = duration {
                queue.on_success(at, *duration);
            }
        }
        let mut order = Vec::new();
        while let Some(first) = queue.first(0) {
            queue.remove(first, 0);
            order.push(trials[first].0);
        }
        assert!(queue.is_empty());
        order
    }

    #[test]
    fn priority_comes_before_cost_and_cost_before_the_file_s_order() {
        let trials = [("a", 0, 1.0, None), ("b", 0, 3.0, None), ("c", 0, 3.0, None)];
        assert_eq!(ordered(&trials), ["b", "c", "a"]);
        assert_eq!(ordered(&[trials[0], trials[1], ("c", -1, 9.0, None)]), ["b", "a", "c"]);
        assert_eq!(ordered(&[("a", 0, 1.0, None), ("b", 1, 0.1, None)]), ["b", "a"]);
    }

    #[test]
    fn measured_times_replace_hints_and_scale_the_others() {
        // A unit of cost is 100 ms by `a` and 20 ms by `b`, 60 ms in the mean: `c` is expected to
        // take 120 ms, while `b` is known to take 180.
        let trials = [("a", 0, 1.0, Some(100.0)), ("b", 0, 9.0, Some(180.0)), ("c", 0, 2.0, None)];
        assert_eq!(ordered(&trials), ["b", "c", "a"]);
        // Without `b`'s own time, its hint makes it the longest.
        assert_eq!(ordered(&[trials[0], ("b", 0, 9.0, None), trials[2]]), ["b", "c", "a"]);
        // Two of a variant: their mean.
        let twice = [("a", 0, 1.0, Some(100.0)), ("a", 0, 1.0, Some(300.0)), ("b", 0, 1.5, None)];
        assert_eq!(ordered(&twice), ["b", "a", "a"]);
    }

    /// The first of the ready trials by the rule alone, every trial looked at.
    fn first_by_the_rule(trials: &[Trial], ready: &BTreeSet<usize>) -> Option<usize> {
        let mean = |variant| {
            let of = trials.iter().filter(|trial| trial.0 == variant).filter_map(|trial| trial.3);
            let durations: Vec<f64> = of.collect();
            let count = durations.len() as f64;
            (count > 0.0).then(|| durations.iter().sum::<f64>() / count)
        };
        let rates: Vec<f64> = trials
            .iter()
            .filter_map(|(variant, _, cost, _)| Some(mean(*variant)? / cost))
            .collect();
        let rate = match rates.len() {
            0 => 1.0,
            count => rates.iter().sum::<f64>() / count as f64,
        };
        let expected = |trial: &Trial| mean(trial.0).unwrap_or(trial.2 * rate);
        ready.iter().copied().reduce(|best, other| {
            let (a, b) = (&trials[best], &trials[other]);
            let is_better = (b.1, expected(b)) > (a.1, expected(a));
            if is_better { other } else { best }
        })
    }

    proptest! {
        /// Powers of two, whose sums and quotients are exact.
        #[test]
        fn any_sequence_of_changes_keeps_the_order_of_the_rule(
            kinds in prop::collection::vec((0..3usize, 0..2i64, 0..3i32), 1..12),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, 0..4i32), 0..60),
        ) {
            let mut trials: Vec<Trial> = kinds
                .iter()
                .map(|(variant, priority, cost)| (["a", "b", "c"][*variant], *priority, 2f64.powi(*cost), None))
                .collect();
            let mut queue = Queue::new(weights(&trials).iter());
            let mut ready = BTreeSet::new();
            for (at, change, exponent) in changes {
                let at = at.index(trials.len());
                match change {
                    0 if ready.insert(at) => queue.insert(at, 0),
                    1 if ready.remove(&at) => queue.remove(at, 0),
                    2 if trials[at].3.is_none() && !ready.contains(&at) => {
                        let duration = 2f64.powi(exponent);
                        trials[at].3 = Some(duration);
                        queue.on_success(at, duration);
                    }
                    _ => {}
                }
                let (first, expected) = (queue.first(0), first_by_the_rule(&trials, &ready));
                // Sums of different orders may differ in the last bit, where two are expected to take
                // the same time.
                let key = |at: usize| (trials[at].1, trials[at].0, trials[at].2.to_bits());
                if first.map(key) == expected.map(key) {
                    prop_assert_eq!(first, expected);
                } else {
                    let tie = first_by_the_rule(&trials, &BTreeSet::from([first.unwrap(), expected.unwrap()]));
                    prop_assert_eq!(tie, expected);
                    prop_assert!(trials.iter().any(|trial| trial.3.is_some()));
                }
                prop_assert_eq!(queue.is_empty(), ready.is_empty());
            }
        }
    }

    #[test]
    fn a_trial_waits_until_it_is_ready() {
        let weights = weights(&[("a", 0, 9.0, None), ("b", 0, 1.0, None)]);
        let mut queue = Queue::new(weights.iter());
        queue.insert(0, 100);
        queue.insert(1, 0);
        assert_eq!(queue.first(99), Some(1));
        assert_eq!(queue.first(100), Some(0));
        queue.remove(0, 100);
        queue.remove(1, 0);
        assert!(queue.is_empty() && queue.first(i64::MAX).is_none());
    }
}
