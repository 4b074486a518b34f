//! The percentile bootstrap, with random numbers from a fixed seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::CONFIDENCE;

/// A confidence interval, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound; never below `low`.
    pub high: f64,
}

/// Bootstrap resamples per interval.
pub(crate) const RESAMPLES: usize = 10_000;
/// Seed of the random numbers; the generator restarts from it for every interval.
pub(crate) const SEED: u64 = 0;

/// The 95 % percentile bootstrap interval of `centre` over `values`; None for fewer than two
/// values.
///
/// With θ*(q) the q-quantile of `centre` over [`RESAMPLES`] resamples with replacement, the
/// interval is [θ*(α/2), θ*(1 - α/2)], α = 0.05 (Efron and Tibshirani, An Introduction to the
/// Bootstrap, 1993, chapter 13). Quantiles between two resamples are interpolated linearly, as
/// `numpy.percentile` does (Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996,
/// definition 7).
pub(crate) fn percentile_interval(
    values: &[f64],
    centre: impl Fn(&[f64]) -> f64,
) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut resample = vec![0.0; values.len()];
    let mut centres: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.fill_with(|| values[index(&mut random, values.len())]);
            centre(&resample)
        })
        .collect();
    centres.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval { low: quantile(&centres, tail), high: quantile(&centres, 1.0 - tail) })
}

/// A random index below `count`: the high bits of a product, which for so few values are as good as
/// uniform, and the same on every machine (Lemire, Fast Random Integer Generation in an Interval,
/// 2019, without its rejection step).
fn index(random: &mut ChaCha8Rng, count: usize) -> usize {
    ((u64::from(random.next_u32()) * count as u64) >> 32) as usize
}

fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let (below, fraction) = (position as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + fraction * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{interquartile_mean, mean};

    #[test]
    fn the_interval_is_that_of_scipy_but_for_chance() {
        // scipy.stats.bootstrap((x,), np.mean, n_resamples=1_000_000, method="percentile"), and the
        // same of trim_mean(x, 0.25); ten thousand resamples differ by some hundredths of the
        // width.
        let x = [20.1, 21.4, 19.7, 22.3, 20.8, 21.1, 18.9, 20.5];
        let near = |found: f64, expected: f64| (found - expected).abs() < 0.06;
        let of_mean = percentile_interval(&x, mean).unwrap();
        assert!(near(of_mean.low, 19.9125) && near(of_mean.high, 21.275), "{of_mean:?}");
        let of_iqm = percentile_interval(&x, interquartile_mean).unwrap();
        assert!(near(of_iqm.low, 19.8) && near(of_iqm.high, 21.4), "{of_iqm:?}");
    }

    #[test]
    fn the_interval_is_the_same_every_time_and_to_the_last_bit() {
        let interval = percentile_interval(&[1.0, 2.0, 4.0], mean);
        assert_eq!(interval, percentile_interval(&[1.0, 2.0, 4.0], mean));
        // All of one value, or none but the extremes: 1/27 of the samples of three are three times
        // the lowest, more than 2.5 %.
        assert_eq!(interval, Some(Interval { low: 1.0, high: 4.0 }));
        assert_eq!(percentile_interval(&[1.0], mean), None);
    }
}
