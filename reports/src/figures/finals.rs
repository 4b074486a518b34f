//! Final values as figures need them: over the finished seeds, in the table's units.

use experiments::schema::report::Better;

use super::source::Source;
use crate::records::Variant;
use crate::statistics::Summary;

/// How a metric is shown: as the table's column of it, else as it is.
pub(super) struct Measure<'a> {
    metric: &'a str,
    scale: f64,
    pub(super) label: String,
    pub(super) decimals: usize,
    pub(super) better: Option<Better>,
}

/// One variant's final value of one metric, scaled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Final {
    pub(super) summary: Summary,
    /// The mean less and plus one standard deviation.
    pub(super) range: (f64, f64),
}

impl<'a> Measure<'a> {
    pub(super) fn new(metric: &'a str, source: Source) -> Self {
        let columns = source.report.table.iter().flat_map(|table| &table.columns);
        let column = columns.into_iter().find(|column| column.metric == metric);
        let scale = column.map_or(1.0, |column| column.scale);
        // The worker's unit is that of the unscaled value.
        let info = source.records.metrics.get(metric).filter(|_| (scale - 1.0).abs() < 1e-12);
        let own_unit = info.and_then(|info| info.unit.as_deref());
        let unit = column.and_then(|column| column.unit.as_deref()).or(own_unit);
        let name = column.and_then(|column| column.label.as_deref()).unwrap_or(metric);
        Self {
            metric,
            scale,
            label: unit.map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})")),
            decimals: column.map_or(2, |column| column.decimals),
            better: column.and_then(|column| column.better),
        }
    }

    /// Over the finished seeds with a finite value; none if there are none.
    pub(super) fn of(&self, variant: &Variant) -> Option<Final> {
        let values = variant.finished().filter_map(|t| t.results.get(self.metric));
        let values: Vec<f64> = values.map(|v| v * self.scale).filter(|v| v.is_finite()).collect();
        let summary = Summary::of(&values)?;
        let sd = summary.sd.unwrap_or(0.0);
        Some(Final { summary, range: (summary.mean - sd, summary.mean + sd) })
    }

    /// The paper's value, if the table has it.
    pub(super) fn paper(&self, variant: &Variant, source: Source) -> Option<f64> {
        let row = source.report.table.as_ref()?.paper.get(&variant.name)?;
        row.get(self.metric).map(|value| value * self.scale)
    }
}

/// The label, marked if a trial is missing.
pub(super) fn label(variant: &Variant) -> String {
    let mark = if variant.is_complete() { "" } else { "†" };
    format!("{}{mark}", variant.label)
}

/// What a reader must know about the seeds.
pub(super) fn facts<'a>(finals: impl Iterator<Item = &'a Final>, labels: &[String]) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(n) = finals.map(|f| f.summary.n).max().filter(|n| *n > 1) {
        facts.push(format!("mean ± standard deviation of {n} seeds"));
    }
    if labels.iter().any(|label| label.ends_with('†')) {
        facts.push("† not all seeds have finished".to_owned());
    }
    facts
}
