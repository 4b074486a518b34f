//! Tests after several numbers of seeds, with one error rate over all of them: a group-sequential design.

use super::normal::Normal;
use super::student::{critical_value, two_sided_p_value};

/// The fewest seeds that are tested: two trainings are too little evidence that a third would agree.
pub const FIRST: usize = 3;

/// Simulated experiments; the level's relative standard error is then below 1 %.
const EXPERIMENTS: usize = 400_000;
/// Seed of the random numbers.
const SEED: u64 = 0;

/// The level at which every test is made, so that under the null hypothesis the chance of even one
/// two-sided p-value at or below it is `alpha`. `looks` are the numbers of seeds after which is tested, each
/// with all seeds so far. None unless they increase from [`FIRST`] on and `alpha` is between 0 and 1.
///
/// One level for all looks is Pocock's design (Group Sequential Methods in the Design and Analysis of
/// Clinical Trials, 1977), which takes the variance as known. Here it is estimated at each look. The joint
/// distribution of the t statistics under the null hypothesis does not depend on it, and is simulated: of
/// 400,000 sequences of standard normal differences, the `alpha` quantile of the least p-value
/// (Jennison and Turnbull, Exact Calculations for Sequential t, χ² and F Tests, 1991, compute it by
/// integration).
pub fn nominal_level(alpha: f64, looks: &[usize]) -> Option<f64> {
    let is_first_valid = looks.first().is_some_and(|first| *first >= FIRST);
    let is_alpha_valid = alpha > 0.0 && alpha < 1.0;
    if !is_first_valid || !is_alpha_valid || !looks.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let looks: Vec<Look> = looks.iter().map(|n| Look::new(*n, alpha)).collect();
    let mut normal = Normal::new(SEED);
    let mut least: Vec<f64> =
        (0..EXPERIMENTS).filter_map(|_| least_p_value(&looks, &mut normal)).collect();
    least.sort_by(f64::total_cmp);
    let rejected = (alpha * EXPERIMENTS as f64) as usize;
    // With a single look, chance may leave fewer.
    Some(rejected.checked_sub(1).and_then(|last| least.get(last).copied()).unwrap_or(alpha))
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
        let found = nominal_level(0.05, looks).unwrap();
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

    /// By `numpy.random`, two runs of four million sequences: 0.012849 and 0.012880, 0.012015 and 0.012025.
    #[test]
    fn more_looks_have_the_level_of_another_simulation() {
        assert_level(&[3, 5, 8, 12, 20], 0.012_865);
        assert_level(&[3, 4, 5, 6, 7, 8, 9, 10], 0.012_020);
    }

    #[test]
    fn a_single_look_is_the_fixed_test_and_no_look_is_none() {
        assert_level(&[8], 0.05);
        assert!(nominal_level(0.05, &[8]).unwrap() <= 0.05);
        for looks in [&[][..], &[2, 4], &[5, 5], &[8, 5]] {
            assert_eq!(nominal_level(0.05, looks), None, "{looks:?}");
        }
        assert_eq!(nominal_level(0.0, &[3]), None);
        assert_eq!(nominal_level(1.0, &[3]), None);
    }
}
