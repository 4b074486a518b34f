//! Numbers of claims in words.

use experiments::schema::report::{Column, Compare};

use crate::statistics::Interval;

/// The unit that a claim's differences are shown in: that of the table's column, with its scale.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DifferenceUnit {
    /// Differences are multiplied by this.
    pub(super) scale: f64,
    pub(super) name: Option<String>,
}

impl DifferenceUnit {
    /// That of `column`; of no column, that of the values themselves. Ratios have none.
    pub(super) fn new(column: Option<&Column>) -> Self {
        let column = column.filter(|column| column.compare == Compare::Difference);
        let name = column.and_then(|column| column.unit.clone());
        Self { scale: column.map_or(1.0, |column| column.scale), name }
    }

    pub(super) fn interval(&self, interval: Interval) -> Interval {
        Interval { low: interval.low * self.scale, high: interval.high * self.scale }
    }
}

/// `+0.5 [+0.2, +0.8] dB`, or of a ratio `×1.5 [×1.2, ×1.8]`.
pub(super) fn with_interval(
    compare: Compare,
    unit: &DifferenceUnit,
    estimate: f64,
    interval: Option<Interval>,
) -> String {
    let number = |value: f64| match compare {
        Compare::Difference => digits(value),
        Compare::Ratio => digits(value).replacen('+', "×", 1),
    };
    let interval = interval.map(|interval| unit.interval(interval));
    let ends = interval.map(|i| format!(" [{}, {}]", number(i.low), number(i.high)));
    let name = unit.name.as_ref().map(|name| format!(" {name}"));
    number(estimate * unit.scale) + &ends.unwrap_or_default() + &name.unwrap_or_default()
}

/// `5 seeds × 48 items`.
pub(super) fn counts(seeds: usize, items: usize) -> String {
    let plural = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let items = (items > 0).then(|| format!(" × {}", plural(items, "item")));
    plural(seeds, "seed") + &items.unwrap_or_default()
}

/// A signed number with four significant digits.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs().log10().floor();
    let decimals = if size.is_finite() { (3.0 - size).clamp(0.0, 12.0) as usize } else { 0 };
    let text = format!("{value:+.decimals$}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text.contains('.') { trimmed } else { &text };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn four_digits_count() {
        let written = [0.5, -12.345_67, 1234.6, 60.0, -0.000_012_345_6, 0.0, -0.0].map(digits);
        assert_eq!(written, ["+0.5", "−12.35", "+1235", "+60", "−0.00001235", "0", "0"]);
    }
}
