//! Paired differences: their mean, its interval and its test, over seeds, over items, or over both.

use super::student::{critical_value, two_sided_p_value};
use super::{CONFIDENCE, Interval, Summary, mean};

/// Seeds and items from which on Satterthwaite's degrees of freedom keep the coverage: with fewer, their
/// estimate is too noisy (docs/statistics.md has the simulation).
pub(super) const SATTERTHWAITE_FROM: usize = 5;

/// The mean of paired differences with its confidence interval and test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// The mean difference, first minus second, in the metric's unit.
    pub difference: f64,
    /// The 95 % t interval of the mean: None where the differences are too few, or all the same.
    pub(crate) interval: Option<Interval>,
    /// The two-sided p-value of the t test that the mean is zero; None as for `interval`.
    pub(crate) p: Option<f64>,
    /// Cohen's `d_z`, the mean of the differences over their standard deviation (Cohen, Statistical
    /// Power Analysis for the Behavioral Sciences, 1988, chapter 2): over items where there are
    /// items (each one's mean over the seeds), over seeds otherwise.
    pub(crate) effect_size: Option<f64>,
    /// None as for `interval`.
    pub(crate) error: Option<StandardError>,
}

/// The standard error of a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StandardError {
    /// In the unit of the mean.
    pub(crate) size: f64,
    /// Those of its estimate.
    pub(crate) degrees_of_freedom: f64,
}

/// The paired t test of differences that vary in one way only, over seeds or over items of one
/// seed: t = mean / (sd / √n) with n - 1 degrees of freedom (Student, The Probable Error of a Mean,
/// 1908), as `scipy.stats.ttest_rel`. None if there are no differences.
pub(crate) fn paired(differences: &[f64]) -> Option<Paired> {
    let summary = Summary::of(differences)?;
    let degrees_of_freedom = (summary.n - 1) as f64;
    let size = summary.sd.map(|sd| (sd * sd / summary.n as f64).sqrt());
    Some(Paired::new(summary, size.map(|size| StandardError { size, degrees_of_freedom })))
}

/// The t test of differences by seed and item, a row for each seed, all equally long: seeds and
/// items vary independently of each other (crossed random effects). None for fewer than two of
/// either.
///
/// In the two-way random layout of S seeds and I items without replication, the mean squares MS of
/// seeds, items and residual have the expectations I σ²ₛ + σ², S σ²ᵢ + σ² and σ² (Searle et al.,
/// Variance Components, 1992, chapter 4), so that `(MSₛ + MSᵢ - MSᵣ) / (S I)` estimates the mean's
/// variance σ²ₛ / S + σ²ᵢ / I + σ² / (S I) without bias. The residual's is taken no larger than
/// either of the other two: the variance is then never less than that of seeds or items alone.
///
/// The degrees of freedom are min(S, I) - 1, or from [`SATTERTHWAITE_FROM`] seeds and items on
/// Satterthwaite's (An Approximate Distribution of Estimates of Variance Components, 1946), if these are
/// more: `(MSₛ + MSᵢ - MSᵣ)² / (MSₛ² / (S - 1) + MSᵢ² / (I - 1) + MSᵣ² / ((S - 1) (I - 1)))`.
pub(crate) fn crossed(differences: &[Vec<f64>]) -> Option<Paired> {
    crossed_from(differences, SATTERTHWAITE_FROM)
}

/// [`crossed`] with Satterthwaite's degrees of freedom from `n` seeds and items on.
pub(super) fn crossed_from(differences: &[Vec<f64>], n: usize) -> Option<Paired> {
    let (seeds, items) = (differences.len(), differences.first()?.len());
    if seeds < 2 || items < 2 {
        return None;
    }
    let error = MeanSquares::new(differences).error([seeds, items], n);
    Some(Paired::new(Summary::of(&item_means(differences))?, Some(error)))
}

/// Each seed's mean over the items.
pub(super) fn seed_means(differences: &[Vec<f64>]) -> Vec<f64> {
    differences.iter().map(|row| mean(row)).collect()
}

/// Each item's mean over the seeds.
fn item_means(differences: &[Vec<f64>]) -> Vec<f64> {
    let of_item = |i| differences.iter().map(|row| row[i]).collect::<Vec<_>>();
    (0..differences[0].len()).map(|i| mean(&of_item(i))).collect()
}

/// The analysis of variance of differences by seed and item, two or more of either.
pub(super) struct MeanSquares {
    pub(super) by_seed: f64,
    pub(super) by_item: f64,
    /// No larger than either of the others.
    pub(super) residual: f64,
}

impl MeanSquares {
    pub(super) fn new(differences: &[Vec<f64>]) -> Self {
        let (of_seeds, of_items) = (seed_means(differences), item_means(differences));
        let (seeds, items) = (of_seeds.len(), of_items.len());
        let centre = mean(&of_items);
        let square_sum = |means: &[f64]| means.iter().map(|m| (m - centre).powi(2)).sum::<f64>();
        let by_seed = items as f64 * square_sum(&of_seeds) / (seeds - 1) as f64;
        let by_item = seeds as f64 * square_sum(&of_items) / (items - 1) as f64;
        let rows = differences.iter().zip(&of_seeds);
        let left = rows.flat_map(|(row, of_seed)| {
            row.iter().zip(&of_items).map(move |(d, of_item)| d - of_seed - of_item + centre)
        });
        let residual = left.map(|r| r * r).sum::<f64>() / ((seeds - 1) * (items - 1)) as f64;
        Self { by_seed, by_item, residual: residual.min(by_seed).min(by_item) }
    }

    /// The standard error of the mean of so many seeds and items, as [`crossed`] has it, with Satterthwaite's
    /// degrees of freedom from `n` of both on.
    pub(super) fn error(&self, [seeds, items]: [usize; 2], n: usize) -> StandardError {
        let Self { by_seed, by_item, residual } = self;
        let sum = by_seed + by_item - residual;
        let [of_seed, of_item] = [seeds - 1, items - 1].map(|n| n as f64);
        let fewest = of_seed.min(of_item);
        let approximate = sum.powi(2)
            / (by_seed.powi(2) / of_seed
                + by_item.powi(2) / of_item
                + residual.powi(2) / (of_seed * of_item));
        // Without any variance it is not a number, which `max` ignores.
        let degrees_of_freedom =
            if seeds.min(items) < n { fewest } else { approximate.max(fewest) };
        StandardError { size: (sum / (seeds * items) as f64).sqrt(), degrees_of_freedom }
    }
}

impl Paired {
    /// The t test of a mean.
    fn new(summary: Summary, error: Option<StandardError>) -> Self {
        let difference = summary.mean;
        // Differences that are the same but for rounding do not measure chance.
        let exceeds_rounding = |sd: &f64| *sd > 1e-12 * difference.abs();
        let error = error.filter(|error| exceeds_rounding(&error.size));
        Self {
            difference,
            interval: error.map(|error| error.interval(difference, CONFIDENCE)),
            p: error.map(|error| error.p_value(difference)),
            effect_size: summary.sd.filter(exceeds_rounding).map(|sd| difference / sd),
            error,
        }
    }
}

impl StandardError {
    /// The t interval around `mean`.
    pub(crate) fn interval(self, mean: f64, confidence: f64) -> Interval {
        let half_width = self.size * critical_value(confidence, self.degrees_of_freedom);
        Interval { low: mean - half_width, high: mean + half_width }
    }

    /// The two-sided p-value of a mean that is this far from the hypothesis.
    pub(crate) fn p_value(self, distance: f64) -> f64 {
        two_sided_p_value(distance / self.size, self.degrees_of_freedom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_is(found: Option<Paired>, difference: f64, ends: [f64; 2], p: f64, effect: f64) {
        let found = found.unwrap();
        let interval = found.interval.unwrap();
        let pairs = [
            (found.difference, difference),
            (interval.low, ends[0]),
            (interval.high, ends[1]),
            (found.p.unwrap(), p),
            (found.effect_size.unwrap(), effect),
        ];
        for (found, expected) in pairs {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }

    #[test]
    fn one_way_is_the_paired_t_test() {
        // r = scipy.stats.ttest_1samp(d, 0); r.confidence_interval(), r.pvalue; d.mean() /
        // d.std(ddof=1)
        let d = [0.31, -0.12, 0.54, 0.2, 0.45];
        let ends = [-0.042_820_050_983_031_99, 0.594_820_050_983_031_9];
        assert_is(paired(&d), 0.276, ends, 0.074_070_928_171_611_87, 1.074_898_716_211_791_3);
        let ends = [-2.636_834_018_277_559, 2.826_834_018_277_559_3];
        let (p, effect) = (0.735_125_109_075_869_8, 0.312_442_531_221_962_86);
        assert_is(paired(&d[..2]), 0.095, ends, p, effect);
    }

    /// Mean squares of `anova_lm(ols("d ~ C(seed) + C(item)", frame).fit())` of statsmodels, the
    /// residual's no larger than the others; `v = (ms_seed + ms_item - ms_residual) / d.size`;
    /// `d.mean() ± scipy.stats.t.ppf(.975, 2) * v**.5`, `2 * t.sf(d.mean() / v**.5, 2)`,
    /// `d.mean() / d.mean(0).std(ddof=1)`.
    #[test]
    fn two_ways_are_those_of_an_analysis_of_variance() {
        let d = [vec![0.9, 1.4, 0.2, 1.1], vec![0.3, 1.0, -0.4, 0.8], vec![1.6, 1.7, 0.9, 1.3]];
        let ends = [-0.646_363_254_943_454_3, 2.446_363_254_943_454];
        let (p, effect) = (0.129_258_748_184_568_62, 1.875_120_574_901_253_4);
        assert_is(crossed(&d), 0.9, ends, p, effect);
        // Seeds that agree better than the residual would have them: MS_seed < MS_residual.
        let d = [vec![0.9, -0.2, 0.4, 0.7], vec![0.1, 0.6, 0.8, 0.2], vec![0.5, 0.3, 0.1, 0.9]];
        let ends = [0.108_513_225_179_791_28, 0.774_820_108_153_542];
        let (p, effect) = (0.029_386_506_697_038_81, 2.852_046_613_253_346_4);
        assert_is(crossed(&d), 0.441_666_666_666_666_65, ends, p, effect);
    }

    /// As above, with `a`, `b` and `c` the mean squares of seeds, items and residual: `t.ppf(.975, df)` and
    /// `t.sf(…, df)` with `df = (a + b - c)**2 / (a**2 / 5 + b**2 / 4 + c**2 / 20)`, 8.13.
    #[test]
    fn from_five_seeds_on_the_degrees_of_freedom_are_satterthwaites() {
        let d = [
            vec![0.9, 1.4, 0.2, 1.1, 0.6],
            vec![0.3, 1.0, -0.4, 0.8, 0.5],
            vec![1.6, 1.7, 0.9, 1.3, 1.2],
            vec![0.4, 0.7, -0.1, 0.9, 0.0],
            vec![1.1, 1.5, 0.3, 0.8, 1.0],
            vec![0.2, 0.9, -0.3, 0.1, 0.7],
        ];
        let ends = [0.163_850_006_535_127_23, 1.256_149_993_464_872_3];
        let (p, effect) = (0.017_035_044_356_410_095, 1.787_771_069_311_249_8);
        assert_is(crossed(&d), 0.71, ends, p, effect);
        assert_eq!(crossed(&vec![vec![0.0; 6]; 6]).unwrap().p, None);
    }

    #[test]
    fn the_order_of_seeds_and_items_does_not_matter() {
        let d = [vec![0.9, 1.4, 0.2], vec![0.3, 1.0, -0.4]];
        let other = [vec![-0.4, 1.0, 0.3], vec![0.2, 1.4, 0.9]];
        let (a, b) = (crossed(&d).unwrap(), crossed(&other).unwrap());
        assert!((a.p.unwrap() - b.p.unwrap()).abs() < 1e-12);
        assert!((a.difference - b.difference).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_vary_is_not_tested() {
        let same =
            Paired { difference: 0.1, interval: None, p: None, effect_size: None, error: None };
        assert_eq!(paired(&[0.1]), Some(same));
        assert_eq!(paired(&[0.25; 4]), Some(Paired { difference: 0.25, ..same }));
        assert_eq!(paired(&[]), None);
        // 0.3 - 0.2 and 0.2 - 0.1 differ in the last bit only.
        assert_eq!(paired(&[0.3 - 0.2, 0.2 - 0.1, 0.1]).unwrap().p, None);
        let nothing = crossed(&[vec![0.0; 3], vec![0.0; 3]]).unwrap();
        assert_eq!((nothing.p, nothing.effect_size), (None, None));
        assert_eq!(crossed(&[vec![1.0, 2.0]]), None);
        assert_eq!(crossed(&[vec![1.0], vec![2.0]]), None);
    }
}
