//! The scale of a comparison: values as they are, or their logarithms.

use experiments::schema::report::Compare;

use crate::statistics::Interval;

/// The scale on which differences are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale(pub(super) Compare);

impl Scale {
    pub(super) fn of(self, value: f64) -> f64 {
        match self.0 {
            Compare::Difference => value,
            Compare::Ratio => value.ln(),
        }
    }

    /// True if the value is finite on the scale.
    pub(super) fn has(self, value: f64) -> bool {
        self.of(value).is_finite()
    }
}

/// A mean of differences and its interval as they are shown: those of logarithms as ratios.
pub(crate) fn estimate(
    compare: Compare,
    mean: f64,
    interval: Option<Interval>,
) -> (f64, Option<Interval>) {
    match compare {
        Compare::Difference => (mean, interval),
        Compare::Ratio => {
            let ends = |i: Interval| Interval { low: i.low.exp(), high: i.high.exp() };
            (mean.exp(), interval.map(ends))
        }
    }
}
