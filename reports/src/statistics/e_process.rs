//! Tests after every seed without a maximum, with one error rate over all of them: an e-process.
//!
//! With n differences, their sum S and sum of squares V, the e-value of the hypothesis that their mean is 0 is
//!
//! ```text
//! G_n = √(c² / (n + c²)) · ((n + c²) V / ((n + c²) V - S²))^(n / 2)
//! ```
//!
//! the ratio of two marginal likelihoods of normal differences, both with the right Haar prior dσ/σ: with
//! mean δσ, δ ~ N(0, 1/c²), to mean 0 (Wang and Ramdas, Anytime-Valid t-Tests and Confidence Sequences for
//! Gaussian Means with Unknown Variance, arXiv 2310.03722). Under that hypothesis it is a
//! martingale that begins at `G_1` = 1, so that it ever reaches 1/α with a probability of α at most (Ville's
//! inequality), whenever one looks and for whatever reason one stops. Its logarithm is used.

use experiments::schema::design::FIRST_LOOK;

/// c², the precision of the effect under the alternative. With it, effects of 3, 2, 1.5 and 1 standard
/// deviations need 4.8, 6.2, 8.1 and 13.9 seeds on average at α = 0.05; 0.1 and 0.5 differ by half a seed.
const PRECISION: f64 = 0.2;

/// 1 over the e-value that the mean of `differences` is 0, and 1 at most. The least over all numbers of
/// differences so far, from [`FIRST_LOOK`] on, is an anytime-valid p-value. None for fewer.
pub(super) fn p_value(differences: &[f64]) -> Option<f64> {
    let (sum, squares) = differences.iter().fold((0.0, 0.0), |(s, v), d| (s + d, v + d * d));
    let n = differences.len();
    (n >= FIRST_LOOK).then(|| (-log_e_value(n, sum, squares)).exp().min(1.0))
}

/// The square of the half width of a confidence sequence's interval for `n` differences, [`FIRST_LOOK`] or more,
/// with this sum of squared deviations: the means that the e-process of the differences minus them does not
/// reject now. With a probability of `1 - alpha`, the intervals of all n hold the true mean. None as long as it
/// has no ends.
///
/// `G_n < 1/α` solved for the mean: with m the mean of the differences, W the sum of their squared
/// deviations and K = ((n + c²) / (c² α²))^(1/n), it is m ± √((K - 1)(n + c²) W / (n (n + c² - K c²))), if
/// n + c² > K c².
pub(super) fn square_half_width(n: usize, deviations: f64, alpha: f64) -> Option<f64> {
    let n = n as f64;
    let total = n + PRECISION;
    let bound = (total / (PRECISION * alpha * alpha)).powf(1.0 / n);
    let left = total - bound * PRECISION;
    (left > 0.0).then(|| (bound - 1.0) * total * deviations / (n * left))
}

/// ln `G_n`; 0 where all differences are 0.
fn log_e_value(n: usize, sum: f64, squares: f64) -> f64 {
    if squares <= 0.0 {
        return 0.0;
    }
    let (n, total) = (n as f64, n as f64 + PRECISION);
    // S² ≤ n V, so that the ratio is below 1.
    let ratio = sum * sum / (total * squares);
    0.5 * (PRECISION / total).ln() - 0.5 * n * (-ratio).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::normal::Normal;
    use crate::statistics::{Interval, mean};

    const DIFFERENCES: [f64; 6] = [0.31, 0.54, 0.2, 0.45, 0.38, 0.61];

    fn interval(differences: &[f64], alpha: f64) -> Option<Interval> {
        let mean = mean(differences);
        let deviations = differences.iter().map(|d| (d - mean).powi(2)).sum();
        let half_width = square_half_width(differences.len(), deviations, alpha)?.sqrt();
        Some(Interval { low: mean - half_width, high: mean + half_width })
    }

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
    }

    /// The two marginal likelihoods by `scipy.integrate.quad`, over δ from -40 to 40 and over 1/σ from 0 to
    /// infinity; 1 and 1.9715661318932662 for one and two differences.
    #[test]
    fn e_values_are_the_ratio_of_integrals() {
        let expected =
            [1.0, 1.971_566_131_893_266_2, 2.915_470_307_487_683_8, 9.707_666_525_593_696];
        for (n, expected) in (1..).zip(expected) {
            let (sum, squares) =
                DIFFERENCES[..n].iter().fold((0.0, 0.0), |(s, v), d| (s + d, v + d * d));
            close(log_e_value(n, sum, squares).exp(), expected);
        }
        close(p_value(&DIFFERENCES).unwrap(), 1.0 / 85.806_759_945_786_85);
        close(p_value(&DIFFERENCES[..3]).unwrap(), 1.0 / 2.915_470_307_487_683_8);
        assert_eq!(p_value(&DIFFERENCES[..2]), None);
        assert_eq!(p_value(&[0.0; 5]), Some(1.0));
    }

    /// The roots of the same ratio minus 20, for the differences minus the mean, by `scipy.optimize.brentq`.
    #[test]
    fn the_interval_ends_where_the_e_value_is_one_over_alpha() {
        for (n, low, high) in [
            (4, -0.141_411_079_025_125_76, 0.891_411_079_025_125_7),
            (6, 0.123_071_059_818_184_09, 0.706_928_940_181_815_8),
        ] {
            let found = interval(&DIFFERENCES[..n], 0.05).unwrap();
            close(found.low, low);
            close(found.high, high);
        }
        // Three differences reject no mean at 5 % with this c², however far away.
        assert_eq!(interval(&DIFFERENCES[..3], 0.05), None);
        assert_eq!(interval(&DIFFERENCES[..2], 0.05), None);
    }

    /// The share of 4,000 sequences of up to 30 seeds in which p falls to 5 %, and the mean number of
    /// seeds until then, for an effect in standard deviations.
    fn rejections(effect: f64) -> (f64, f64) {
        const EXPERIMENTS: usize = 4_000;
        let mut normal = Normal::new(4);
        let (mut rejected, mut seeds) = (0, 0);
        for _ in 0..EXPERIMENTS {
            let differences: Vec<f64> = (0..30).map(|_| effect + normal.sample(1.0)).collect();
            let first =
                (FIRST_LOOK..=30).find(|n| p_value(&differences[..*n]).is_some_and(|p| p <= 0.05));
            rejected += usize::from(first.is_some());
            seeds += first.unwrap_or(30);
        }
        (100.0 * rejected as f64 / EXPERIMENTS as f64, seeds as f64 / EXPERIMENTS as f64)
    }

    #[test]
    fn looking_after_every_seed_keeps_the_error_rate() {
        // NumPy, 100,000 sequences: 2.5 % within 30 seeds, 3.0 % within 200; 6.2 seeds for an effect of 2.
        let (falsely, _) = rejections(0.0);
        assert!((1.8..3.2).contains(&falsely), "{falsely} %");
        let (rightly, seeds) = rejections(2.0);
        assert!(rightly > 99.5 && (6.0..6.4).contains(&seeds), "{rightly} %, {seeds} seeds");
    }
}
