//! Mean and spread of a handful of values, one per seed.

/// Mean and sample standard deviation of finite values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation (dividing by n - 1); none of a single value.
    pub sd: Option<f64>,
}

impl Summary {
    /// Summarises finite `values`; none if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { n, mean, sd })
    }
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
}
