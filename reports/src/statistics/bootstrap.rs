//! The percentile bootstrap, with random numbers that are the same every time.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::CONFIDENCE;

/// From the lower end to the upper one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Samples that are drawn for one interval.
pub const RESAMPLES: usize = 10_000;
/// What the random numbers follow from; every interval begins with it anew.
pub const SEED: u64 = 0;

/// The 95 % percentile bootstrap interval of `centre` over `values`; none of less than two. Ends
/// between two resampled centres are interpolated, as `numpy.percentile` does.
pub fn percentile_interval(values: &[f64], centre: impl Fn(&[f64]) -> f64) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    // The high bits of a product: for so few values as good as uniform, and the same everywhere.
    let mut index = || ((u64::from(random.next_u32()) * values.len() as u64) >> 32) as usize;
    let mut resample = vec![0.0; values.len()];
    let mut centres: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.fill_with(|| values[index()]);
            centre(&resample)
        })
        .collect();
    centres.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (centres.len() - 1) as f64;
        let (below, between) = (place as usize, place.fract());
        let above = (below + 1).min(centres.len() - 1);
        centres[below] + between * (centres[above] - centres[below])
    };
    let outside = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval { low: at(outside), high: at(1.0 - outside) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{interquartile_mean, mean};

    #[test]
    fn the_interval_is_that_of_scipy_but_for_chance() {
        // scipy.stats.bootstrap((x,), np.mean, n_resamples=1_000_000, method="percentile"), and the
        // same of trim_mean(x, 0.25); ten thousand resamples differ by some hundredths of the width.
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
