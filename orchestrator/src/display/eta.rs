//! The time that a run still needs, from what its trials have taken so far: values only.
//!
//! A trial that waits is expected to take as long as the finished trials of its variant did; where none
//! has finished, as long as the running ones will; where none runs, as long as other variants by the
//! file's `cost`. The trials that wait are then laid on the slots that are in use, the longest first, as
//! the scheduler does. Where there is nothing to go by, there is no estimate.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

/// A trial that is running.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Running<'a> {
    /// Trials of one variant are expected to take the same time.
    pub(crate) variant: &'a str,
    /// Seconds of work so far, in all attempts; `None` if it waits elsewhere, as a job of a cluster does.
    pub(crate) spent: Option<f64>,
    /// Seconds until the end of its present phase at its present rate; `None` if it reports no progress.
    pub(crate) phase_left: Option<f64>,
}

/// The trials of a run, as far as they tell how long it will take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workload<'a> {
    /// Expected duration of a variant's trials relative to the others, by the file; 1 if absent.
    costs: BTreeMap<&'a str, f64>,
    finished: BTreeMap<&'a str, Mean>,
    running: Vec<Running<'a>>,
    waiting: BTreeMap<&'a str, usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl<'a> Workload<'a> {
    /// Sets how long trials of `variant` take relative to others, by the file.
    pub(crate) fn set_cost(&mut self, variant: &'a str, cost: f64) {
        self.costs.insert(variant, cost);
    }

    /// Adds a trial that took `seconds` in all.
    pub(crate) fn add_finished(&mut self, variant: &'a str, seconds: f64) {
        self.finished.entry(variant).or_default().add(seconds);
    }

    /// Adds a running trial.
    pub(crate) fn add_running(&mut self, running: Running<'a>) {
        self.running.push(running);
    }

    /// Adds a trial that waits.
    pub(crate) fn add_waiting(&mut self, variant: &'a str) {
        *self.waiting.entry(variant).or_default() += 1;
    }

    /// The time until every trial has ended; `None` without a basis.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let expected = self.expected();
        let left: Option<Vec<f64>> =
            self.running.iter().map(|running| self.left_by(running, &expected)).collect();
        let mut waiting = Vec::new();
        for (variant, count) in &self.waiting {
            waiting.extend(std::iter::repeat_n(self.expected_of(variant, &expected)?, *count));
        }
        let seconds = makespan(&left?, &mut waiting)?;
        // Trials that take longer than expected, and nothing else: that says nothing.
        Duration::try_from_secs_f64(seconds).ok().filter(|left| !left.is_zero())
    }

    /// The time until each running trial has ended, in the order in which they were added.
    pub(crate) fn left(&self) -> Vec<Option<Duration>> {
        let expected = self.expected();
        let left = |running| {
            let seconds = self.left_by(running, &expected)?;
            Duration::try_from_secs_f64(seconds).ok().filter(|left| !left.is_zero())
        };
        self.running.iter().map(left).collect()
    }

    /// The duration of trials by variant, where one has finished, or runs at a known rate.
    fn expected(&self) -> BTreeMap<&'a str, Mean> {
        let mut running = BTreeMap::<_, Mean>::new();
        for Running { variant, spent, phase_left } in &self.running {
            if let (Some(spent), Some(left)) = (spent, phase_left) {
                running.entry(*variant).or_default().add(spent + left);
            }
        }
        running.extend(&self.finished);
        running
    }

    fn expected_of(&self, variant: &str, expected: &BTreeMap<&str, Mean>) -> Option<f64> {
        if let Some(mean) = expected.get(variant) {
            return Some(mean.value());
        }
        let mut by_cost = Mean::default();
        for (other, mean) in expected {
            by_cost.add(mean.value() / self.cost(other));
        }
        (by_cost.count > 0.0).then(|| by_cost.value() * self.cost(variant))
    }

    fn cost(&self, variant: &str) -> f64 {
        self.costs.get(variant).copied().filter(|cost| *cost > 0.0).unwrap_or(1.0)
    }

    /// Seconds until a running trial has ended. After its present phase another may follow: by the
    /// finished trials of its variant, not by its own rate.
    fn left_by(&self, running: &Running, expected: &BTreeMap<&str, Mean>) -> Option<f64> {
        let spent = running.spent?;
        let finished = self.finished.get(running.variant).map(|mean| mean.value() - spent);
        match (running.phase_left, finished) {
            (Some(left), finished) => Some(left.max(finished.unwrap_or(0.0))),
            (None, Some(left)) => Some(left.max(0.0)),
            (None, None) => Some((self.expected_of(running.variant, expected)? - spent).max(0.0)),
        }
    }
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn value(&self) -> f64 {
        self.sum / self.count
    }
}

/// The time at which the last trial ends, if the slots of the running ones become free after `left`, and
/// each takes the longest of those that wait. `None` if some wait and nothing runs.
fn makespan(left: &[f64], waiting: &mut [f64]) -> Option<f64> {
    let mut slots: BinaryHeap<_> = left.iter().map(|left| Reverse(Seconds(*left))).collect();
    waiting.sort_by(|a, b| b.total_cmp(a));
    for seconds in waiting {
        let Reverse(Seconds(free)) = slots.pop()?;
        slots.push(Reverse(Seconds(free + *seconds)));
    }
    slots.into_iter().map(|Reverse(Seconds(end))| end).reduce(f64::max)
}

/// Seconds with a total order.
#[derive(Debug, Clone, Copy)]
struct Seconds(f64);

impl Ord for Seconds {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Seconds {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Seconds {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Seconds {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn running(variant: &str, spent: f64, phase_left: Option<f64>) -> Running<'_> {
        Running { variant, spent: Some(spent), phase_left }
    }

    fn seconds(workload: &Workload) -> Option<f64> {
        workload.remaining().map(|left| left.as_secs_f64())
    }

    #[test]
    fn without_a_basis_there_is_no_estimate() {
        let mut workload = Workload::default();
        assert_eq!(seconds(&workload), None);
        workload.add_running(running("a", 100.0, None));
        assert_eq!(seconds(&workload), None);
        // Nothing runs, so that it is unknown how much can run at once.
        let mut waiting = Workload::default();
        waiting.add_finished("a", 10.0);
        waiting.add_waiting("a");
        assert_eq!(seconds(&waiting), None);
        // Its job waits in the queue of a cluster.
        waiting.add_running(Running { variant: "a", spent: None, phase_left: None });
        assert_eq!(seconds(&waiting), None);
    }

    #[test]
    fn a_variant_is_measured_by_its_finished_trials_then_by_the_running_ones() {
        let mut workload = Workload::default();
        workload.add_running(running("a", 10.0, Some(20.0)));
        workload.add_waiting("a");
        // 20 s are left of the first, and the second will take 10 + 20 s.
        assert_eq!(seconds(&workload), Some(50.0));
        workload.add_finished("a", 40.0);
        workload.add_finished("a", 60.0);
        // Both take 50 s by those that have finished; the first has spent 10 of them.
        assert_eq!(seconds(&workload), Some(90.0));
        assert_eq!(workload.left(), [Some(Duration::from_secs(40))]);
    }

    #[test]
    fn a_variant_without_measurements_takes_what_others_take_by_cost() {
        let mut workload = Workload::default();
        workload.set_cost("b", 4.0);
        workload.add_finished("a", 10.0);
        workload.add_running(running("b", 15.0, None));
        assert_eq!(seconds(&workload), Some(25.0));
        workload.add_waiting("b");
        assert_eq!(seconds(&workload), Some(65.0));
    }

    #[test]
    fn a_trial_that_takes_longer_than_others_did_has_no_time_left_that_is_known() {
        let mut workload = Workload::default();
        workload.add_finished("a", 10.0);
        workload.add_running(running("a", 12.0, None));
        assert_eq!((workload.remaining(), workload.left()), (None, vec![None]));
        workload.add_waiting("a");
        assert_eq!(seconds(&workload), Some(10.0));
    }

    /// List scheduling, second by second.
    fn simulated(left: &[u32], waiting: &[u32]) -> u32 {
        let (mut slots, mut queue) = (left.to_vec(), waiting.to_vec());
        queue.sort_unstable();
        let mut now = 0;
        loop {
            for slot in &mut slots {
                while *slot == 0 && !queue.is_empty() {
                    *slot = queue.pop().unwrap();
                }
            }
            if slots.iter().all(|slot| *slot == 0) {
                return now;
            }
            for slot in &mut slots {
                *slot = slot.saturating_sub(1);
            }
            now += 1;
        }
    }

    proptest! {
        #[test]
        fn the_estimate_is_that_of_a_simulated_run(
            left in prop::collection::vec(0..40u32, 1..8),
            waiting in prop::collection::vec(0..40u32, 0..40),
        ) {
            let mut workload = Workload::default();
            let names: Vec<String> = (0..40).map(|seconds| format!("v{seconds}")).collect();
            for seconds in &left {
                workload.add_running(running("running", 0.0, Some(f64::from(*seconds))));
            }
            for seconds in &waiting {
                let name = &names[*seconds as usize];
                workload.add_finished(name, f64::from(*seconds));
                workload.add_waiting(name);
            }
            let estimate = seconds(&workload).unwrap_or(0.0);
            let simulated = f64::from(simulated(&left, &waiting));
            prop_assert!((estimate - simulated).abs() < 1e-6, "{estimate} and {simulated}");
            // Graham's bounds of any list schedule.
            let work = f64::from(left.iter().chain(&waiting).sum::<u32>()) / left.len() as f64;
            let longest = f64::from(*left.iter().chain(&waiting).max().unwrap());
            prop_assert!(work.max(longest) <= estimate + 1e-9 && estimate <= work + longest);
        }
    }
}
