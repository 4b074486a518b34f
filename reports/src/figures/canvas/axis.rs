//! An axis with round numbers: its span, its ticks and their labels.

use std::ops::Range;

use experiments::schema::report::{Limits, Scale};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// Approximate count of intervals between the ticks of an axis.
pub(crate) const INTERVALS: usize = 5;

/// An axis with its ticks and their labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    span: (f64, f64),
    scale: Scale,
    ticks: Vec<f64>,
    texts: Vec<String>,
}

impl Axis {
    /// From a tick at or below `low` to one at or above `high`, with about `count` between them;
    /// ticks are multiples of 1, 2 or 5 times a power of ten.
    pub(crate) fn around(low: f64, high: f64, count: usize) -> Self {
        // Values that are all but the same get an axis around them.
        let largest = low.abs().max(high.abs());
        let pad = match high - low {
            extent if extent > largest * 1e-9 => 0.0,
            _ if largest > 0.0 => largest * 0.1,
            _ => 0.5,
        };
        let (low, high) = (low - pad, high + pad);
        let rough = (high - low) / count as f64;
        let magnitude = 10f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0].into_iter().map(|factor| factor * magnitude);
        // The tolerances keep rounding errors, such as 0.3 / 0.1 = 2.9999…, from costing a tick.
        let step = factors.clone().find(|s| *s >= rough * 0.999).unwrap_or(10.0 * magnitude);
        let first = (low / step + 1e-9).floor() as i64;
        let last = (high / step - 1e-9).ceil() as i64;
        let ticks: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        let texts = round_texts(&ticks, step);
        let span = (ticks[0], ticks[ticks.len() - 1]);
        Self { span, scale: Scale::Linear, ticks, texts }
    }

    /// From zero to exactly `last`.
    pub(crate) fn from_zero(last: f64, count: usize) -> Self {
        let mut axis = Self::around(0.0, last, count);
        let kept = axis.ticks.iter().filter(|tick| **tick <= last * (1.0 + 1e-9)).count();
        axis.ticks.truncate(kept);
        axis.texts.truncate(kept);
        axis.span = (0.0, last);
        axis
    }

    /// By powers of ten around values above zero, or by 1, 2 and 5 of each where they span less
    /// than two of them.
    pub(crate) fn log(low: f64, high: f64) -> Self {
        let decades = (low.log10().floor() as i32 - 1, high.log10().ceil() as i32 + 1);
        let factors: &[f64] = if high / low < 100.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let ticks =
            (decades.0..=decades.1).flat_map(|d| factors.iter().map(move |f| f * 10f64.powi(d)));
        let ticks: Vec<f64> = ticks.collect();
        let from = ticks.iter().rposition(|t| *t <= low * (1.0 + 1e-9)).unwrap_or(0);
        let to = ticks.iter().position(|t| *t >= high * (1.0 - 1e-9)).unwrap_or(ticks.len() - 1);
        // A single value lies between its neighbours.
        let (from, to) = if from == to {
            (from.saturating_sub(1), (to + 1).min(ticks.len() - 1))
        } else {
            (from, to)
        };
        let mut ticks = ticks[from..=to].to_vec();
        let span = (ticks[0], ticks[ticks.len() - 1]);
        let every = ticks.len().div_ceil(8);
        ticks = ticks.into_iter().step_by(every).collect();
        let texts = power_texts(&ticks);
        Self { span, scale: Scale::Log, ticks, texts }
    }

    /// Around the data from `low` to `high`, but for the ends that `limits` gives.
    pub(crate) fn limited(scale: Scale, limits: Limits, (low, high): (f64, f64)) -> Self {
        let [first, last] = limits.0;
        let (mut low, mut high) = (first.unwrap_or(low), last.unwrap_or(high));
        // All data may lie beyond one end; the other follows from that.
        match (first, last, scale) {
            _ if low < high => {}
            (Some(_), None, Scale::Linear) => high = low + low.abs().max(1.0),
            (Some(_), None, Scale::Log) => high = low * 10.0,
            (None, Some(_), Scale::Linear) => low = high - high.abs().max(1.0),
            (None, Some(_), Scale::Log) => low = high / 10.0,
            _ => {}
        }
        let axis = match scale {
            Scale::Linear => Self::around(low, high, INTERVALS),
            Scale::Log => Self::log(low, high),
        };
        axis.ending_at(limits)
    }

    /// The same axis with the ends that `limits` gives, and the ticks between them.
    pub(crate) fn ending_at(mut self, limits: Limits) -> Self {
        let [low, high] = limits.0;
        self.span = (low.unwrap_or(self.span.0), high.unwrap_or(self.span.1));
        let margin = (self.span.1 - self.span.0) * 1e-9;
        let inside = self.span.0 - margin..=self.span.1 + margin;
        let ticks = self.ticks.into_iter().zip(self.texts);
        (self.ticks, self.texts) = ticks.filter(|(tick, _)| inside.contains(tick)).unzip();
        self
    }

    /// A categorical axis: the first name at 0.5, the next at 1.5.
    pub(crate) fn names(names: &[String]) -> Self {
        Self {
            span: (0.0, names.len() as f64),
            scale: Scale::Linear,
            ticks: (0..names.len()).map(|i| i as f64 + 0.5).collect(),
            texts: names.to_vec(),
        }
    }

    /// The axis in reverse direction.
    pub(crate) fn reversed(mut self) -> Self {
        self.span = (self.span.1, self.span.0);
        self
    }

    /// The tick labels: `0.25`, `18`, and `20k` or `1.5M` for large ones.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let transformed = |v: f64| if self.scale == Scale::Log { v.log10() } else { v };
        let (low, high) = (transformed(self.span.0), transformed(self.span.1));
        let share = (transformed(*value) - low) / (high - low);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.span.0..self.span.1
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().position(|tick| tick.total_cmp(value).is_eq());
        tick.map(|tick| self.texts[tick].clone()).unwrap_or_default()
    }
}

/// Multiples of `step` with as many decimals as it has; large ones in thousands or millions.
fn round_texts(ticks: &[f64], step: f64) -> Vec<String> {
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let largest = ticks.iter().fold(0f64, |most, tick| most.max(tick.abs()));
    let (unit, suffix) = match largest {
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let texts = ticks.iter().map(|tick| match tick {
        tick if suffix.is_empty() => format!("{tick:.decimals$}").replace('-', "−"),
        tick if *tick == 0.0 => "0".to_owned(),
        // `{}` writes the shortest digits: 1.5M beside 1M.
        tick => format!("{}{suffix}", tick / unit).replace('-', "−"),
    });
    texts.collect()
}

/// The ticks of a logarithmic axis: as plain numbers if all are near 1, else all as powers.
fn power_texts(ticks: &[f64]) -> Vec<String> {
    let are_plain = ticks.iter().all(|tick| (0.99e-2..1e4).contains(tick));
    let text = |tick: &f64| {
        if are_plain {
            let decimals = (-tick.log10() - 1e-9).ceil().max(0.0) as usize;
            format!("{tick:.decimals$}")
        } else {
            format!("{tick:.0e}").replace('-', "−")
        }
    };
    ticks.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_the_data() {
        let texts = |low, high| Axis::around(low, high, 6).texts;
        assert_eq!(texts(8.2, 20.7), ["5", "10", "15", "20", "25"]);
        assert_eq!(texts(0.0, 600.0), ["0", "100", "200", "300", "400", "500", "600"]);
        assert_eq!(texts(0.1, 0.3), ["0.10", "0.15", "0.20", "0.25", "0.30"]);
        assert_eq!(texts(-1.0, 1.0), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(texts(0.0, 1_500_000.0), ["0", "0.5M", "1M", "1.5M"]);
    }

    #[test]
    fn an_axis_of_steps_ends_at_the_last_one() {
        let axis = Axis::from_zero(640_000.0, 6);
        assert_eq!(axis.texts(), ["0", "200k", "400k", "600k"]);
        assert_eq!(axis.map(&640_000.0, (0, 1000)), 1000);
        assert_eq!(axis.map(&160_000.0, (0, 1000)), 250);
    }

    #[test]
    fn a_single_value_gets_an_axis_too() {
        for value in [0.0, 20.0, -3e-5, 1e9] {
            let range = Axis::around(value, value * (1.0 + 1e-14), 6).range();
            assert!(range.start < value && value < range.end, "{value}: {range:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten_at_even_distances() {
        let axis = Axis::log(3e-3, 40.0);
        assert_eq!(axis.texts(), ["1e−3", "1e−2", "1e−1", "1e0", "1e1", "1e2"]);
        assert_eq!(axis.map(&1.0, (0, 1000)), 600);
        assert_eq!(Axis::log(3.0, 40.0).texts(), ["2", "5", "10", "20", "50"]);
        assert_eq!(Axis::log(10.0, 10.0).texts(), ["5", "10", "20"]);
    }

    #[test]
    fn limits_are_the_ends_of_an_axis_and_keep_its_ticks_round() {
        let limited = |limits, scale, data| Axis::limited(scale, Limits(limits), data);
        let axis = limited([Some(18.3), None], Scale::Linear, (5.0, 23.7));
        assert_eq!(axis.texts(), ["20", "22", "24"]);
        assert_eq!((axis.map(&18.3, (0, 570)), axis.map(&24.0, (0, 570))), (0, 570));
        let axis = limited([None, Some(50.0)], Scale::Log, (0.2, 3000.0));
        assert_eq!((axis.texts().first().unwrap().as_str(), axis.range().end), ("0.1", 50.0));
        let axis = limited([Some(30.0), None], Scale::Linear, (5.0, 23.7));
        assert!(axis.range().end > 30.0, "no data inside");
    }

    #[test]
    fn names_stand_in_the_middle_of_their_places() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(Axis::names(&names).map(&1.5, (0, 400)), 150);
        assert_eq!(Axis::names(&names).reversed().map(&1.5, (0, 400)), 250);
    }
}
