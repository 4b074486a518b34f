//! The cost of more seeds, by the seconds that the trials of each row have taken.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::records::{Records, Trial, Variant};

/// Seconds a trial of each row takes, and the seeds that it has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RowCosts {
    /// By the row's name.
    rows: BTreeMap<String, RowCost>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct RowCost {
    /// Seeds that have finished.
    seeds: usize,
    /// Mean seconds of a trial; of a row without one that of all.
    seconds: f64,
}

impl RowCosts {
    /// Empty where no seconds are known.
    pub(crate) fn new(records: &Records) -> Self {
        let own = || records.variants.iter().filter(|variant| variant.run.is_none());
        let Some(of_all) = mean_seconds(own().flat_map(Variant::finished)) else {
            return Self::default();
        };
        let rows = own().map(|variant| {
            let seconds = mean_seconds(variant.finished()).unwrap_or(of_all);
            (variant.name.clone(), RowCost { seeds: variant.finished().count(), seconds })
        });
        Self { rows: rows.collect() }
    }

    /// Seconds until each of these rows has so many seeds; None if it is not known.
    pub(crate) fn seconds<'a>(&self, rows: impl Iterator<Item = (&'a str, usize)>) -> Option<f64> {
        let of_row = |(name, seeds): (&str, usize)| {
            let row = self.rows.get(name)?;
            Some(seeds.saturating_sub(row.seeds) as f64 * row.seconds)
        };
        rows.map(of_row).sum()
    }

    /// Seconds of so many seeds of each of these rows, from the first on; None if it is not known.
    pub(super) fn seconds_of_all<'a>(
        &self,
        rows: impl Iterator<Item = (&'a str, usize)>,
    ) -> Option<f64> {
        rows.map(|(name, seeds)| Some(seeds as f64 * self.rows.get(name)?.seconds)).sum()
    }
}

fn mean_seconds<'a>(trials: impl Iterator<Item = &'a Trial>) -> Option<f64> {
    let seconds: Vec<f64> = trials.filter_map(|trial| trial.seconds).collect();
    (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
}

/// The two largest units: `1h 40m`.
pub(super) fn duration(seconds: f64) -> String {
    let whole = Duration::from_secs(seconds as u64);
    let text = humantime::format_duration(whole).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn a_duration_has_its_two_largest_units() {
        assert_eq!(duration(6_010.0), "1h 40m");
        assert_eq!(duration(61.9), "1m 1s");
        assert_eq!(duration(5.0), "5s");
        assert_eq!(duration(200_000.0), "2days 7h");
    }
}
