//! Centre and spread of a handful of values, one per seed.

/// Mean and sample standard deviation of finite values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    /// The count of values, at least 1.
    pub(crate) n: usize,
    /// The arithmetic mean, in the unit of the values.
    pub(crate) mean: f64,
    /// The sample standard deviation, √(Σ (x - mean)² / (n - 1)) (Bessel's correction, as
    /// `numpy.std(ddof=1)`); None for a single value.
    pub(crate) sd: Option<f64>,
}

impl Summary {
    /// Summarises finite `values`; None if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = mean(values);
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { n, mean, sd })
    }
}

/// The arithmetic mean, Σ x / n; NaN for no values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The interquartile mean: of n sorted values, the mean of those left without the ⌊n / 4⌋ lowest
/// and the ⌊n / 4⌋ highest, as `scipy.stats.trim_mean(values, 0.25)`; NaN for no values. It is
/// advised for few runs by Agarwal et al., Deep Reinforcement Learning at the Edge of the
/// Statistical Precipice, 2021.
pub(crate) fn interquartile_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_divides_by_one_less_than_the_count() {
        // Deviations -1, 0, 1: squares sum to 2, over n - 1 = 2 gives 1; over n it would be 0.82.
        assert_eq!(Summary::of(&[4.0, 5.0, 6.0]), Some(Summary { n: 3, mean: 5.0, sd: Some(1.0) }));
        assert_eq!(Summary::of(&[4.0]), Some(Summary { n: 1, mean: 4.0, sd: None }));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_quarter_is_left_out_at_either_end() {
        // scipy.stats.trim_mean(values, 0.25)
        let values = [3.1, -2.0, 8.5, 4.4, 100.0, 3.9, 5.0, -50.0, 4.1, 2.2];
        assert!((interquartile_mean(&values) - 3.783_333_333_333_333_7).abs() < 1e-12);
        assert!((interquartile_mean(&values[..7]) - 4.98).abs() < 1e-12);
        assert!((interquartile_mean(&values[..3]) - 3.2).abs() < 1e-12);
    }
}
