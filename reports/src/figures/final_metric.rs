//! Final values of a metric for figures: over the finished seeds, in the table's units.

use experiments::schema::report::Better;

use super::source::Source;
use crate::records::Variant;
use crate::statistics::{Summary, seed_counts};
use crate::table::Decimals;

/// A metric with the scale and label of its column in the table; unscaled if it has none.
pub(super) struct FinalMetric<'a> {
    name: &'a str,
    scale: f64,
    pub(super) label: String,
    pub(super) decimals: Decimals,
    pub(super) better: Option<Better>,
}

/// One variant's final value of one metric, scaled.
#[derive(Debug, Clone, Copy)]
pub(super) struct FinalValue {
    pub(super) summary: Summary,
    /// Mean minus and plus one standard deviation; the mean twice of a single seed.
    pub(super) range: (f64, f64),
    /// True if finished seeds are left out of it, whose values are missing or not finite.
    is_partial: bool,
}

/// The label of `variant` beside its `values`, with a mark for each reason for which seeds are left out.
pub(super) fn marked_label(variant: &Variant, values: &[FinalValue]) -> String {
    let mark = if values.iter().any(|value| value.is_partial) { "‡" } else { "" };
    variant.marked_label() + mark
}

impl<'a> FinalMetric<'a> {
    pub(super) fn new(name: &'a str, source: Source) -> Self {
        let column = source.column(name);
        let scale = column.map_or(1.0, |column| column.scale);
        // The worker's unit is that of the unscaled value.
        let info = source.records.metrics.get(name).filter(|_| (scale - 1.0).abs() < 1e-12);
        let own_unit = info.and_then(|info| info.unit.as_deref());
        let unit = column.and_then(|column| column.unit.as_deref()).or(own_unit);
        let label = source.label(name);
        Self {
            name,
            scale,
            label: unit.map_or_else(|| label.to_owned(), |unit| format!("{label} ({unit})")),
            decimals: Decimals::of_metric(
                column.and_then(|column| column.decimals),
                name,
                scale,
                &source.records.variants,
            ),
            better: column.and_then(|column| column.better),
        }
    }

    /// Over the finished seeds with a finite value; None if there are none.
    pub(super) fn of(&self, variant: &Variant) -> Option<FinalValue> {
        let values = variant.finished().filter_map(|t| t.results.get(self.name));
        let values: Vec<f64> = values.map(|v| v * self.scale).filter(|v| v.is_finite()).collect();
        let summary = Summary::of(&values)?;
        let sd = summary.sd.unwrap_or(0.0);
        let is_partial = values.len() < variant.finished().count();
        Some(FinalValue { summary, range: (summary.mean - sd, summary.mean + sd), is_partial })
    }

    /// The paper's value, scaled; None if the table does not have it.
    pub(super) fn paper(&self, variant: &Variant, source: Source) -> Option<f64> {
        let row = source.report.table.as_ref()?.paper.get(&variant.name)?;
        row.get(self.name).map(|value| value * self.scale)
    }
}

/// Sentences about the seeds, for the subtitle.
pub(super) fn seed_notes<'a>(
    finals: impl Iterator<Item = &'a FinalValue>,
    labels: &[String],
) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(seeds) = seed_counts(finals.map(|f| f.summary.n)) {
        notes.push(format!("mean ± standard deviation of {seeds}"));
    }
    for (mark, meaning) in
        [('†', "† not all seeds have finished"), ('‡', "‡ without seeds that have no finite value")]
    {
        if labels.iter().any(|label| label.ends_with(['†', '‡']) && label.contains(mark)) {
            notes.push(meaning.to_owned());
        }
    }
    notes
}
