//! A comparison of two rows after each number of seeds that a design looks at.

use experiments::schema::report::Compare;

use super::measure::MeasuredQuantity;
use crate::comparison::Comparison;
use crate::statistics::{Interval, Pilot, SequentialTest};

/// One comparison, look by look.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub(crate) compare: Compare,
    /// By rising number of seeds; empty before the first look.
    pub looks: Vec<Look>,
    /// The seeds that count so far: those of the file, as first planned, up to the first that has not finished in
    /// both rows.
    pub seeds: usize,
    /// The seed that the next look waits for; None if all that both rows have have finished.
    pub waits_for: Option<u64>,
    /// Effect and variances of the seeds that count; None for fewer than two.
    pub(super) pilot: Option<Pilot>,
}

/// A comparison with a number of seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The number of seeds.
    pub seeds: usize,
    /// The number of items that all of them share; 0 without.
    pub items: usize,
    /// The mean difference, of logarithms where rows are compared by ratio.
    pub mean: f64,
    /// One of a sequence of intervals that all hold the true mean, with a probability of 1 - alpha; None
    /// where it has no ends.
    pub interval: Option<Interval>,
    pub(super) p: DirectedP,
}

/// The p-values of the three things that a look can show; 1 where it points elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DirectedP {
    /// That the mean is above 0: two-sided, that it is not.
    pub(super) higher: f64,
    /// That it is below.
    pub(super) lower: f64,
    /// That it is within the margin: the larger of the two that it is at either end.
    pub(super) equivalent: f64,
}

impl DirectedP {
    pub(super) const NONE: Self = Self { higher: 1.0, lower: 1.0, equivalent: 1.0 };

    /// The smaller of each.
    fn min(self, other: Self) -> Self {
        Self {
            higher: self.higher.min(other.higher),
            lower: self.lower.min(other.lower),
            equivalent: self.equivalent.min(other.equivalent),
        }
    }
}

/// The test of a design, its error rate, and the margin of the compared metric, on the scale of the
/// differences.
#[derive(Debug, Clone, Copy)]
pub(super) struct SequenceRules<'a> {
    pub(super) test: &'a SequentialTest,
    pub(super) alpha: f64,
    pub(super) margin: Option<f64>,
}

impl Sequence {
    pub(super) fn new(
        ours: &MeasuredQuantity,
        theirs: &MeasuredQuantity,
        compare: Compare,
        rules: SequenceRules,
    ) -> Self {
        let (mut seeds, waits_for) = ours.shared_seeds(theirs);
        let (a, b) = (ours.observations(), theirs.observations());
        let of_seeds =
            |seeds: &[u64]| Comparison::new(&a.of_seeds(seeds), &b.of_seeds(seeds), compare);
        // A seed without a value in some row does not count.
        let whole = of_seeds(&seeds);
        seeds.retain(|seed| whole.as_ref().is_some_and(|whole| whole.seeds.contains(seed)));
        let looks = rules.test.looks(seeds.len()).into_iter();
        let looks = looks.filter_map(|count| Look::new(&of_seeds(&seeds[..count])?, rules));
        Self {
            compare,
            looks: looks.collect(),
            seeds: seeds.len(),
            waits_for,
            pilot: whole.and_then(|whole| Pilot::new(&whole.differences)),
        }
    }

    /// The smallest p-values up to the look after `seeds`: a verdict that was reached stays.
    pub(super) fn p_after(&self, seeds: usize) -> DirectedP {
        let until = self.looks.iter().take_while(|look| look.seeds <= seeds);
        until.map(|look| look.p).fold(DirectedP::NONE, DirectedP::min)
    }
}

impl Look {
    fn new(comparison: &Comparison, rules: SequenceRules) -> Option<Self> {
        let (differences, mean) = (&comparison.differences, comparison.paired.difference);
        let p_at = |null| rules.test.p_value(differences, null).unwrap_or(1.0);
        let p = p_at(0.0);
        let equivalent = rules.margin.filter(|margin| mean.abs() < *margin);
        let p = DirectedP {
            higher: if mean > 0.0 { p } else { 1.0 },
            lower: if mean < 0.0 { p } else { 1.0 },
            equivalent: equivalent.map_or(1.0, |margin| p_at(margin).max(p_at(-margin))),
        };
        let interval = rules.test.interval(differences, rules.alpha);
        let (seeds, items) = (comparison.seeds.len(), comparison.items);
        (seeds >= rules.test.first_look()).then_some(Self { seeds, items, mean, interval, p })
    }
}
