//! The seeds or items that a claim still needs, from the effect and the variances that were found so far.

use super::anytime::Errors;
use super::normal::Normal;
use super::paired::{MeanSquares, StandardError, seed_means};
use super::sequential::{SATTERTHWAITE_FROM, SequentialTest};
use super::{mean, paired};

/// The quantile of the normal distribution for 80 % power.
const POWER: f64 = 0.841_621_233_572_914_3;
/// Seeds beyond which none are counted.
pub(super) const MOST_SEEDS: usize = 1_000;
/// Items beyond which none are counted.
const MOST_ITEMS: usize = 1_000_000;
/// Seeds with which items are counted under a design without a last look.
const SEEDS_FOR_ITEMS: usize = 20;

/// The effect and the variances of differences by seed and item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pilot {
    pub(crate) effect: f64,
    pub(super) seeds: usize,
    /// Between seeds, of all items' mean.
    of_seed: f64,
    /// The number of items, and the variance between them; None without items.
    items: Option<(usize, f64)>,
    /// Between single values; without items it is part of `of_seed`.
    of_rest: f64,
}

/// The need of an open claim, for a power of 80 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// So many seeds in all.
    Seeds(usize),
    /// So many items in all: no number of seeds would do.
    Items(usize),
    /// More of either than anyone has.
    TooMany,
}

impl Pilot {
    /// None for fewer than two seeds, and where they do not vary.
    pub(crate) fn new(differences: &[Vec<f64>]) -> Option<Self> {
        let means = seed_means(differences);
        let (effect, seeds) = (mean(&means), differences.len());
        let of_means = paired(&means)?.error?.size.powi(2) * seeds as f64;
        let count = differences[0].len();
        if count < 2 {
            return Some(Self { effect, seeds, of_seed: of_means, items: None, of_rest: 0.0 });
        }
        let MeanSquares { by_item, residual, .. } = MeanSquares::new(differences);
        let of_seed = of_means - residual / count as f64;
        let items = Some((count, (by_item - residual) / seeds as f64));
        Some(Self { effect, seeds, of_seed, items, of_rest: residual })
    }

    /// The need of the test at `alpha`, to find the effect when it is this far from the value to exclude.
    pub(crate) fn need(&self, test: &SequentialTest, alpha: f64, distance: f64) -> Need {
        let suffices = |seeds, items| self.reach(test, alpha, seeds, items) <= distance;
        let items = self.items();
        let last = test.last_look().unwrap_or(0);
        let looks = test.looks(MOST_SEEDS).into_iter().filter(|look| *look > self.seeds);
        let beyond = (last.max(self.seeds) + 1)..=MOST_SEEDS;
        if let Some(seeds) = looks.chain(beyond).find(|seeds| suffices(*seeds, items)) {
            return Need::Seeds(seeds);
        }
        let seeds = self.seeds.max(if last > 0 { last } else { SEEDS_FOR_ITEMS });
        if self.items.is_none() || !suffices(seeds, MOST_ITEMS) {
            return Need::TooMany;
        }
        let (mut few, mut enough) = (items, MOST_ITEMS);
        while enough - few > 1 {
            let middle = usize::midpoint(few, enough);
            if suffices(seeds, middle) {
                enough = middle;
            } else {
                few = middle;
            }
        }
        Need::Items(enough)
    }

    /// Half the width of the expected interval and the distance of the mean from the truth that is exceeded in
    /// 20 %: an effect so far from a value is told from it in 80 %.
    fn reach(&self, test: &SequentialTest, alpha: f64, seeds: usize, items: usize) -> f64 {
        let error = self.error(seeds, items, SATTERTHWAITE_FROM);
        let half_width = match test {
            SequentialTest::GroupSequential(design) => {
                error.interval(0.0, 1.0 - design.level(alpha)).high
            }
            SequentialTest::Anytime => {
                let of_means = self.of_seed + self.of_rest / items as f64;
                let deviations = of_means * (seeds - 1) as f64;
                let of_items = self.items.map(|(_, variance)| (items, variance / items as f64));
                let errors = Errors { seeds, deviations, items: of_items };
                errors.square_half_width(alpha).map_or(f64::INFINITY, f64::sqrt)
            }
        };
        half_width + POWER * error.size
    }

    /// The standard error that one test of so many seeds, and of the pilot's items, is expected to have.
    pub(super) fn error_of_one_test(&self, seeds: usize) -> StandardError {
        self.error(seeds, self.items(), paired::SATTERTHWAITE_FROM)
    }

    /// The number of items; 1 without items.
    fn items(&self) -> usize {
        self.items.map_or(1, |(count, _)| count)
    }

    /// Normal differences of so many seeds with the pilot's effect, variances and items.
    pub(super) fn simulate(&self, seeds: usize, normal: &mut Normal) -> Vec<Vec<f64>> {
        let sd = |variance: f64| variance.max(0.0).sqrt();
        let of_item = self.items.map_or(0.0, |(_, variance)| sd(variance));
        let of_items: Vec<f64> = (0..self.items()).map(|_| normal.sample(of_item)).collect();
        let of_seed = |_| {
            let seed = self.effect + normal.sample(sd(self.of_seed));
            of_items.iter().map(|item| seed + item + normal.sample(sd(self.of_rest))).collect()
        };
        (0..seeds).map(of_seed).collect()
    }

    /// The standard error that so many seeds and items are expected to have, with Satterthwaite's degrees of
    /// freedom from `n` of both on.
    fn error(&self, seeds: usize, items: usize, n: usize) -> StandardError {
        let Some((_, of_item)) = self.items else {
            let size = (self.of_seed / seeds as f64).sqrt();
            return StandardError { size, degrees_of_freedom: (seeds - 1) as f64 };
        };
        let squares = MeanSquares {
            by_seed: items as f64 * self.of_seed + self.of_rest,
            by_item: seeds as f64 * of_item + self.of_rest,
            residual: self.of_rest,
        };
        squares.error([seeds, items], n)
    }
}
