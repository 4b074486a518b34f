//! Tests after several numbers of seeds, with one error rate over all of them: a group-sequential design.

use experiments::schema::design::FIRST_LOOK;

use super::normal::Normal;
use super::student::{critical_value, two_sided_p_value};

/// Simulated experiments; the level's relative standard error is then below 1 %.
const EXPERIMENTS: usize = 400_000;
/// Seed of the random numbers.
const SEED: u64 = 0;

/// The looks of a design, with the joint null distribution of their tests.
///
/// One nominal level for all looks is Pocock's design (Group Sequential Methods in the Design and Analysis of
/// Clinical Trials, 1977), which takes the variance as known. Here it is estimated at each look. The joint
/// distribution of the t statistics under the null hypothesis does not depend on it, and is simulated, with
/// 400,000 sequences of standard normal differences
/// (Jennison and Turnbull, Exact Calculations for Sequential t, χ² and F Tests, 1991, compute it by
/// integration).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupSequential {
    alpha: f64,
    looks: Vec<usize>,
    /// The least p-value over the looks of each sequence where it is at most alpha, sorted.
    least: Vec<f64>,
}

impl GroupSequential {
    /// `looks` are the numbers of seeds after which is tested, each with all seeds so far. None unless they
    /// increase from [`FIRST_LOOK`] on and `alpha` is between 0 and 1.
    pub(super) fn new(alpha: f64, looks: &[usize]) -> Option<Self> {
        let is_first_valid = looks.first().is_some_and(|first| *first >= FIRST_LOOK);
        let is_alpha_valid = alpha > 0.0 && alpha < 1.0;
        if !is_first_valid || !is_alpha_valid || !looks.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let mut least = Vec::new();
        // A single test needs no correction.
        if looks.len() > 1 {
            let looks: Vec<Look> = looks.iter().map(|n| Look::new(*n, alpha)).collect();
            let mut normal = Normal::new(SEED);
            least.extend((0..EXPERIMENTS).filter_map(|_| least_p_value(&looks, &mut normal)));
            least.sort_by(f64::total_cmp);
        }
        Some(Self { alpha, looks: looks.to_vec(), least })
    }

    /// The numbers of seeds at which is tested, rising.
    pub(super) fn looks(&self) -> &[usize] {
        &self.looks
    }

    /// The nominal level of every test, so that under the null hypothesis the chance of even one two-sided
    /// p-value at or below it is `alpha`, which is no larger than the design's own.
    pub(super) fn level(&self, alpha: f64) -> f64 {
        let rejected = (alpha.min(self.alpha) * EXPERIMENTS as f64) as usize;
        let simulated = rejected.checked_sub(1).and_then(|last| self.least.get(last));
        // The union bound where there are too few to say more.
        simulated.copied().unwrap_or(alpha / self.looks.len() as f64)
    }

    /// The p-value over all looks of a two-sided p-value at one of them: the chance under the null
    /// hypothesis that the least of all is no larger. At or below `alpha` if and only if the test is at or
    /// below its level; above the design's `alpha` it is an upper bound.
    pub(super) fn p_value(&self, nominal: f64) -> f64 {
        let union_bound = (self.looks.len() as f64 * nominal).min(1.0);
        if nominal > self.alpha || self.least.is_empty() {
            return union_bound;
        }
        let count = self.least.partition_point(|least| *least <= nominal);
        union_bound.min(count.max(1) as f64 / EXPERIMENTS as f64)
    }
}

/// One test, after `n` seeds.
struct Look {
    n: usize,
    /// The t statistic whose p-value is alpha.
    critical: f64,
}

impl Look {
    fn new(n: usize, alpha: f64) -> Self {
        Self { n, critical: critical_value(1.0 - alpha, (n - 1) as f64) }
    }
}

/// The least p-value over the looks at one sequence of differences; None if all are above alpha.
fn least_p_value(looks: &[Look], normal: &mut Normal) -> Option<f64> {
    let (mut n, mut sum, mut squares) = (0, 0.0, 0.0);
    let mut least: Option<f64> = None;
    for look in looks {
        while n < look.n {
            let difference = normal.sample(1.0);
            sum += difference;
            squares += difference * difference;
            n += 1;
        }
        let (count, degrees) = (n as f64, (n - 1) as f64);
        let variance = (squares - sum * sum / count) / degrees;
        let t = sum / (count * variance).sqrt();
        if t.abs() >= look.critical {
            let p = two_sided_p_value(t, degrees);
            least = Some(least.map_or(p, |least| least.min(p)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_level(looks: &[usize], expected: f64) {
        let design = GroupSequential::new(0.05, looks).unwrap();
        let found = design.level(0.05);
        assert!((design.p_value(found) - 0.05).abs() < 1e-9, "{looks:?}");
        assert!(design.p_value(found * 1.01) > 0.05, "{looks:?}");
        assert!((found - expected).abs() < 0.02 * expected, "{looks:?}: {found} is not {expected}");
    }

    /// P(p₁ ≤ c) + P(p₁ > c, p₂ ≤ c) = 0.05, solved for c with `scipy.optimize.brentq`. With x the first n
    /// of N differences as their component a along (1, …, 1) and the length r of the rest, b and τ the
    /// same of the others, the second is the integral over a, b and r, by 200 Gauss-Legendre nodes each, of
    /// `chi2.cdf(q, N - n - 1)` within |a| < r t₁ / √(n - 1), where
    /// q = (√n a + √(N - n) b)² (t₂² + N - 1) / (t₂² N) - a² - b² - r².
    #[test]
    fn two_looks_have_the_level_of_an_integral() {
        assert_level(&[3, 5], 0.028_035);
        assert_level(&[5, 20], 0.026_271);
    }

    /// `2 * getDesignGroupSequential(typeOfDesign = "P", informationRates = n / max(n), alpha = 0.025)$stageLevels`
    /// of the R package rpact 3.3.4, which takes the variance as known.
    #[test]
    fn many_seeds_have_the_level_of_a_known_variance() {
        assert_level(&[60, 120], 0.029_386);
        assert_level(&[80, 120, 160, 200], 0.020_387);
    }

    /// By `numpy.random`, two runs of four million sequences: 0.012849 and 0.012880, 0.012015 and 0.012025.
    #[test]
    fn more_looks_have_the_level_of_another_simulation() {
        assert_level(&[3, 5, 8, 12, 20], 0.012_865);
        assert_level(&[3, 4, 5, 6, 7, 8, 9, 10], 0.012_020);
    }

    #[test]
    fn a_single_look_is_the_fixed_test_and_no_look_is_none() {
        assert_level(&[8], 0.05);
        for looks in [&[][..], &[2, 4], &[5, 5], &[8, 5]] {
            assert_eq!(GroupSequential::new(0.05, looks), None, "{looks:?}");
        }
        assert_eq!(GroupSequential::new(0.0, &[3]), None);
        assert_eq!(GroupSequential::new(1.0, &[3]), None);
    }

    /// `numpy.random`, two million sequences: the shares whose least p-value is at most 0.001 and 0.005.
    #[test]
    fn a_p_value_is_the_chance_of_a_smaller_one_at_any_look() {
        let design = GroupSequential::new(0.05, &[3, 5, 8, 12, 20]).unwrap();
        for (nominal, expected) in [(0.001, 0.004_466), (0.005, 0.020_843), (0.012_865, 0.05)] {
            let found = design.p_value(nominal);
            assert!((found / expected - 1.0).abs() < 0.03, "{nominal}: {found}");
        }
        assert!((design.p_value(1e-9) - 2.5e-6).abs() < 5e-6 && design.p_value(0.3) > 0.999);
    }
}
