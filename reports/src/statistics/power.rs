//! The power of a comparison before it is made: of one t test by the noncentral t distribution, and of a
//! design by simulated experiments.

use std::f64::consts::{LN_2, SQRT_2};

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

use super::needed::{MOST_SEEDS, Pilot};
use super::normal::Normal;
use super::sequential::SequentialTest;
use super::student::critical_value;

/// Intervals of the integral over the estimated standard deviation.
const INTERVALS: u32 = 400;
/// Simulated experiments; a share's standard error is then at most 1.6 %.
const EXPERIMENTS: usize = 1_000;
/// Seed of the random numbers.
const SEED: u64 = 1;
/// Seeds up to which a design without a last look is simulated.
const MOST_SIMULATED: usize = 60;

/// The power of the two-sided t test at `alpha` where the mean is `distance` standard errors from the hypothesis:
/// P(|T| > t) of the noncentral t distribution (Johnson and Welch, Applications of the Non-Central
/// t-Distribution, 1940), as the mean over the estimated standard deviation s, by Simpson's rule,
/// of `Φ(δ - t s) + Φ(-δ - t s)`.
fn t_test_power(distance: f64, degrees_of_freedom: f64, alpha: f64) -> f64 {
    let (nu, t) = (degrees_of_freedom, critical_value(1.0 - alpha, degrees_of_freedom));
    // The density of s, where ν s² has the χ² distribution of ν degrees of freedom.
    let log_constant = LN_2 + 0.5 * nu * (0.5 * nu).ln() - ln_gamma(0.5 * nu);
    let density = |s: f64| {
        let log = log_constant + (nu - 1.0) * s.ln() - 0.5 * nu * s * s;
        if s > 0.0 { log.exp() } else { 0.0 }
    };
    let rejects = |s: f64| cdf(distance - t * s) + cdf(-distance - t * s);
    let wide = 10.0 / (2.0 * nu).sqrt();
    let (low, high) = ((1.0 - wide).max(0.0), 1.0 + wide);
    let step = (high - low) / f64::from(INTERVALS);
    let sum: f64 = (0..=INTERVALS)
        .map(|i| {
            let s = low + f64::from(i) * step;
            let weight = match i {
                0 | INTERVALS => 1.0,
                _ if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(s) * rejects(s)
        })
        .sum();
    (sum * step / 3.0).min(1.0)
}

/// The standard normal distribution.
fn cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The fewest seeds, from 3 on, with which one test at `alpha` finds the pilot's effect with each of the `powers`;
/// None where more than [`MOST_SEEDS`] are needed.
pub(crate) fn seeds_of_one_test<const N: usize>(
    pilot: &Pilot,
    alpha: f64,
    powers: [f64; N],
) -> [Option<usize>; N] {
    let power = |seeds: usize| {
        let error = pilot.error_of_one_test(seeds);
        t_test_power(pilot.effect.abs() / error.size, error.degrees_of_freedom, alpha)
    };
    powers.map(|wanted| {
        let is_enough = |seeds: usize| power(seeds) >= wanted;
        if !is_enough(MOST_SEEDS) {
            return None;
        }
        // Power rises with the seeds but for small steps of the degrees of freedom, hence no bisection.
        (3..=MOST_SEEDS).find(|seeds| is_enough(*seeds))
    })
}

/// Simulated experiments under a design with the effect and the variances of a pilot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DesignPower {
    /// The looks, and the share of experiments that are resolved by each.
    pub(crate) by_look: Vec<(usize, f64)>,
    /// The mean number of seeds until a verdict, or the last look.
    pub(crate) mean_seeds: f64,
}

impl DesignPower {
    /// The share that excludes 0 or, with a `margin`, lies within it, by each look of `test` at `alpha`.
    pub(crate) fn simulate(
        pilot: &Pilot,
        test: &SequentialTest,
        alpha: f64,
        margin: Option<f64>,
    ) -> Self {
        let looks = test.looks(test.last_look().unwrap_or(MOST_SIMULATED));
        let most = looks.last().copied().unwrap_or(0);
        let mut resolved = vec![0_usize; looks.len()];
        let (mut normal, mut seeds) = (Normal::new(SEED), 0);
        for _ in 0..EXPERIMENTS {
            let differences = pilot.simulate(most, &mut normal);
            let is_resolved = |look: &usize| {
                test.interval(&differences[..*look], alpha).is_some_and(|interval| {
                    let excludes_zero = interval.low > 0.0 || interval.high < 0.0;
                    let is_within = margin.is_some_and(|m| interval.low > -m && interval.high < m);
                    excludes_zero || is_within
                })
            };
            let stop = looks.iter().position(is_resolved);
            seeds += stop.map_or(most, |index| looks[index]);
            for count in resolved.iter_mut().skip(stop.unwrap_or(looks.len())) {
                *count += 1;
            }
        }
        let share = |count: usize| count as f64 / EXPERIMENTS as f64;
        let by_look = looks.into_iter().zip(resolved.into_iter().map(share)).collect();
        Self { by_look, mean_seeds: seeds as f64 / EXPERIMENTS as f64 }
    }

    /// The first look by which this share is resolved.
    pub(crate) fn seeds(&self, power: f64) -> Option<usize> {
        self.by_look.iter().find(|(_, share)| *share >= power).map(|(seeds, _)| *seeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `t = scipy.stats.t.ppf(1 - alpha / 2, df); nct.sf(t, df, delta) + nct.cdf(-t, df, delta)`.
    #[test]
    fn the_power_of_a_t_test_is_that_of_the_noncentral_t_distribution() {
        for (distance, df, alpha, expected) in [
            (2.5, 2.0, 0.05, 0.299_513_927),
            (3.0, 4.5, 0.01, 0.278_198_918),
            (0.0, 7.0, 0.05, 0.05),
            (4.0, 19.0, 0.0045, 0.767_394_310),
            (1.0, 60.0, 0.05, 0.166_174_179),
        ] {
            let found = t_test_power(distance, df, alpha);
            assert!((found - expected).abs() < 1e-6, "{distance} {df}: {found} is not {expected}");
        }
    }

    /// `statsmodels.stats.power.TTestPower().solve_power(effect_size=d, alpha=alpha, power=power)`, rounded up.
    #[test]
    fn the_seeds_of_one_test_are_those_of_statsmodels() {
        // The pilot's standard deviation is 1.
        let pilot = |effect: f64| {
            Pilot::new(&[-1.0_f64, 0.0, 1.0].map(|noise| vec![effect + noise])).unwrap()
        };
        for (effect, alpha, expected) in [
            (0.3, 0.05, [90, 147]),
            (0.3, 0.0045, [155, 228]),
            (0.5, 0.05, [34, 54]),
            (1.0, 0.05, [10, 16]),
            (1.0, 0.0045, [18, 25]),
            (2.0, 0.0045, [8, 10]),
            (4.0, 0.05, [3, 4]),
        ] {
            let found = seeds_of_one_test(&pilot(effect), alpha, [0.8, 0.95]);
            assert_eq!(found, expected.map(Some), "{effect} {alpha}");
        }
        assert_eq!(seeds_of_one_test(&pilot(0.01), 0.05, [0.8]), [None]);
    }

    #[test]
    fn a_design_has_the_power_of_its_longer_simulation() {
        // docs/statistics.md, of 20,000 experiments: an effect of one standard deviation is found in 95 % with
        // 11.9 seeds on average, and in 83 % with 12.9.
        let pilot = Pilot::new(&[0.0, 1.0, 2.0].map(|d| vec![d])).unwrap();
        let design = |json| SequentialTest::new(&serde_json::from_value(json).unwrap()).unwrap();
        let test = design(serde_json::json!({"seeds": {"first": 3, "most": 20}}));
        let power = DesignPower::simulate(&pilot, &test, 0.05, None);
        let last = power.by_look.last().unwrap();
        assert!(last.0 == 20 && (last.1 - 0.95).abs() < 0.03, "{power:?}");
        assert!((power.mean_seeds - 11.9).abs() < 0.6, "{power:?}");
        assert_eq!((power.seeds(0.8), power.seeds(0.999)), (Some(20), None));
        let anytime = design(serde_json::json!({"method": "anytime"}));
        let power = DesignPower::simulate(&pilot, &anytime, 0.05, None);
        let by_20 = power.by_look.iter().find(|(seeds, _)| *seeds == 20).unwrap().1;
        assert!((by_20 - 0.83).abs() < 0.05, "{by_20}");
        // A margin of ten standard deviations is reached at once.
        let power = DesignPower::simulate(&pilot, &test, 0.05, Some(20.0));
        assert!(power.by_look[0].1 > 0.95, "{power:?}");
    }
}
