//! Digits after the point: the file's, or those that the uncertainty allows.

use crate::records::Variant;
use crate::statistics::Summary;

/// Digits of a value whose uncertainty is not known.
const SIGNIFICANT: i32 = 4;
/// Most digits after the point.
const MOST: i32 = 12;

/// The rule of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decimals {
    /// The file's.
    pub(crate) fixed: Option<usize>,
    /// Those of a value without uncertainty.
    single: usize,
}

impl Decimals {
    /// The rule for the final values of `metric`, which are shown times `scale`.
    pub(crate) fn of_metric(
        fixed: Option<usize>,
        metric: &str,
        scale: f64,
        variants: &[Variant],
    ) -> Self {
        let summaries = variants.iter().filter_map(|variant| {
            let values = variant.finished().filter_map(|trial| trial.results.get(metric));
            let values = values.map(|value| value * scale).filter(|value| value.is_finite());
            Summary::of(&values.collect::<Vec<_>>())
        });
        let values: Vec<_> = summaries.map(|summary| (summary.mean, summary.sd)).collect();
        Self::new(fixed, &values)
    }

    /// The rule for values with their spreads, as they are shown.
    fn new(fixed: Option<usize>, values: &[(f64, Option<f64>)]) -> Self {
        let mut of_spreads: Vec<usize> =
            values.iter().filter_map(|(_, spread)| of_spread((*spread)?)).collect();
        of_spreads.sort_unstable();
        let largest = values.iter().map(|(value, _)| value.abs()).fold(0.0, f64::max);
        let are_counts = values.iter().all(|(value, _)| value.fract() == 0.0);
        let of_values = || match magnitude(largest).filter(|_| !are_counts) {
            Some(place) => (SIGNIFICANT - 1 - place).clamp(0, MOST) as usize,
            None => 0,
        };
        let median = of_spreads.get(of_spreads.len() / 2).copied();
        Self { fixed, single: fixed.or(median).unwrap_or_else(of_values) }
    }

    /// Digits after the point of a value with that spread.
    pub(crate) fn of(self, spread: Option<f64>) -> usize {
        self.fixed.or_else(|| of_spread(spread?)).unwrap_or(self.single)
    }

    /// The text of a spread beside a value with `decimals` digits; one that is exactly zero has none.
    pub(crate) fn spread_text(self, spread: f64, decimals: usize) -> String {
        let is_exact = self.fixed.is_none() && spread == 0.0;
        format!("{spread:.*}", if is_exact { 0 } else { decimals })
    }
}

/// The place of a spread's last significant digit: the second where it begins with 1, else the first. None if
/// it has none.
fn of_spread(spread: f64) -> Option<usize> {
    // Of 0.0996, two digits are 0.10.
    let rounded: f64 = format!("{:.1e}", spread.abs()).parse().ok()?;
    let place = magnitude(rounded)?;
    let leading = rounded / 10f64.powi(place);
    let digits = if leading < 2.0 - 1e-9 { 2 } else { 1 };
    Some((digits - 1 - place).clamp(0, MOST) as usize)
}

/// The power of ten of the first digit; None of zero and of what is not finite.
fn magnitude(value: f64) -> Option<i32> {
    let place = value.abs().log10().floor();
    place.is_finite().then_some(place as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_two_digits_where_it_begins_with_one() {
        let cases = [
            (0.004, 3),
            (0.0149, 3),
            (0.019_6, 2),
            (0.099_6, 2),
            (0.095_1, 2),
            (1.0, 1),
            (1.41, 1),
            (19.77, 0),
            (345.0, 0),
            (3e-20, 12),
        ];
        for (spread, decimals) in cases {
            assert_eq!(of_spread(spread), Some(decimals), "{spread}");
        }
        assert_eq!([0.0, f64::NAN, f64::INFINITY].map(of_spread), [None; 3]);
    }

    #[test]
    fn a_single_value_is_as_precise_as_its_column() {
        let column = Decimals::new(None, &[(0.97, Some(0.004)), (0.6, Some(0.02)), (0.5, None)]);
        assert_eq!([Some(0.004), Some(0.02), Some(0.0), None].map(|s| column.of(s)), [3, 2, 3, 3]);
        let single = |value| Decimals::new(None, &[(value, None), (value / 50.0, None)]).of(None);
        assert_eq!([20.44, 0.9698, 1234.5, 104_326.0, 0.0].map(single), [2, 4, 0, 0, 0]);
        let counts = Decimals::new(None, &[(6.0, None), (162.0, Some(0.0))]);
        assert_eq!(counts.of(None), 0);
        assert_eq!(Decimals::new(Some(1), &[(0.97, Some(0.004))]).of(Some(0.004)), 1);
    }
}
