//! The anytime-valid test of differences by seed and item: an e-process over the seeds, and a t interval over
//! the items.
//!
//! Every seed sees the same items, so that the mean over seeds and items has two errors. That of the seeds
//! shrinks as seeds are added, and an e-process of the seeds' means bounds it at every number of them. That
//! of the items stays as it is, and a t interval bounds it once. The two are independent, and are combined as
//! the squares of their half widths, as in the method of variance estimates recovery (Zou and
//! Donner, Construction of Confidence Limits about Effect Measures, 2008):
//!
//! ```text
//! half width² = half width of the e-process at α² + (t(1 - α/4, I - 1))² · (MSᵢ - MSᵣ) / (S I)
//! ```
//!
//! The items' t interval has the level α/2: their error is one of the many that the e-process has already
//! had the chance to reject, and with α it would be rejected in about 6 % (docs/statistics.md has the
//! simulation). Where the items do not vary it is the e-process alone.

use experiments::schema::design::FIRST_LOOK;

use super::paired::{MeanSquares, seed_means};
use super::student::critical_value;
use super::{Interval, e_process, mean, paired};

/// The least p-value that is looked for.
const LEAST: f64 = 1e-12;

/// The errors of a mean over seeds and items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors {
    pub(super) seeds: usize,
    /// The sum of squared deviations of the seeds' means.
    pub(super) deviations: f64,
    /// The number of items and the variance that they add to the mean; None without items.
    pub(super) items: Option<(usize, f64)>,
}

impl Errors {
    /// None for fewer than [`FIRST_LOOK`] seeds, and where the seeds do not vary.
    fn new(differences: &[Vec<f64>]) -> Option<Self> {
        let seeds = differences.len();
        let error = paired(&seed_means(differences))?.error.filter(|_| seeds >= FIRST_LOOK)?;
        let deviations = error.size.powi(2) * (seeds * (seeds - 1)) as f64;
        let count = differences[0].len();
        let items = (count > 1).then(|| {
            let squares = MeanSquares::new(differences);
            (count, (squares.by_item - squares.residual) / (seeds * count) as f64)
        });
        Some(Self { seeds, deviations, items })
    }

    /// None as long as the interval has no ends.
    pub(super) fn square_half_width(self, alpha: f64) -> Option<f64> {
        let of_seeds = e_process::square_half_width(self.seeds, self.deviations, alpha)?;
        let of_items =
            self.items.filter(|(_, variance)| *variance > 0.0).map(|(items, variance)| {
                critical_value(1.0 - alpha / 2.0, (items - 1) as f64).powi(2) * variance
            });
        Some(of_seeds + of_items.unwrap_or(0.0))
    }
}

/// The confidence sequence's interval now: with a probability of `1 - alpha`, those after all numbers of seeds
/// hold the true mean. `differences` has a row for each seed, all equally long. None for fewer than
/// [`FIRST_LOOK`] seeds, where they do not vary, and as long as it has no ends.
pub(crate) fn interval(differences: &[Vec<f64>], alpha: f64) -> Option<Interval> {
    let half_width = Errors::new(differences)?.square_half_width(alpha)?.sqrt();
    let mean = mean(&seed_means(differences));
    Some(Interval { low: mean - half_width, high: mean + half_width })
}

/// The least alpha whose interval does not hold `null`, by bisection, 1e-12 at least and 1 at most. None for
/// fewer than [`FIRST_LOOK`] seeds, and where they do not vary.
pub(crate) fn p_value(differences: &[Vec<f64>], null: f64) -> Option<f64> {
    let errors = Errors::new(differences)?;
    let means = seed_means(differences);
    if errors.items.is_none() {
        return e_process::p_value(&means.iter().map(|mean| mean - null).collect::<Vec<_>>());
    }
    let distance = (mean(&means) - null).powi(2);
    let rejects =
        |log: f64| errors.square_half_width(log.exp()).is_some_and(|square| square < distance);
    let (mut low, mut high) = (LEAST.ln(), 0.0);
    if rejects(low) {
        return Some(LEAST);
    }
    if !rejects(high) {
        return Some(1.0);
    }
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if rejects(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCES: [f64; 6] = [0.31, 0.54, 0.2, 0.45, 0.38, 0.61];

    #[test]
    fn without_items_it_is_the_e_process() {
        let rows = DIFFERENCES.map(|d| vec![d]);
        let mean = mean(&DIFFERENCES);
        let deviations = DIFFERENCES.map(|d| (d - mean).powi(2)).iter().sum();
        let low = mean - e_process::square_half_width(6, deviations, 0.05).unwrap().sqrt();
        assert!((interval(&rows, 0.05).unwrap().low - low).abs() < 1e-12);
        assert_eq!(p_value(&rows, 0.0), e_process::p_value(&DIFFERENCES));
        let same = DIFFERENCES.map(|d| vec![d; 3]);
        let [found, expected] = [interval(&same, 0.05), interval(&rows, 0.05)].map(Option::unwrap);
        assert!(
            (found.low - expected.low).abs() < 1e-12 && (found.high - expected.high).abs() < 1e-12
        );
        let [found, expected] = [p_value(&same, 0.0), p_value(&rows, 0.0)].map(Option::unwrap);
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn the_p_value_is_the_level_whose_interval_ends_at_the_hypothesis() {
        let rows = DIFFERENCES.map(|d| vec![d - 0.2, d + 0.3, d, d + 0.1 * d]);
        for null in [0.0, 0.1, 0.7] {
            let p = p_value(&rows, null).unwrap();
            assert!((0.001..0.9).contains(&p), "{p}");
            let ends = interval(&rows, p).unwrap();
            let end = if null < 0.4 { ends.low } else { ends.high };
            assert!((end - null).abs() < 1e-6, "{end} is not {null}");
        }
        assert_eq!(p_value(&rows, 0.45), Some(1.0));
        assert_eq!(p_value(&rows[..2], 0.0), None);
        assert_eq!(p_value(&[[1.0, 1.0].to_vec(), vec![1.0, 1.0], vec![1.0, 1.0]], 0.0), None);
    }

    /// By `scipy.stats.t.ppf(1 - 0.05 / 4, 3)` and `numpy`'s mean squares, with the interval of the e-process of
    /// the row means.
    #[test]
    fn the_squares_of_the_half_widths_are_added() {
        let rows = DIFFERENCES.map(|d| vec![d - 0.2, d + 0.3, d, d + 0.1 * d]);
        let found = interval(&rows, 0.05).unwrap();
        assert!(
            (found.low + 0.072_782_385_375_438_07).abs() < 1e-9
                && (found.high - 0.973_532_385_375_438_1).abs() < 1e-9,
            "{found:?}"
        );
    }
}
