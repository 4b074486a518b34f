//! The table for programs: every seed's value at full precision and in the metric's own unit.

use std::collections::BTreeMap;

use experiments::protocol::number::Number;
use experiments::schema::report::{Better, Compare};
use serde::Serialize;

use super::{BaselineComparison, Cell, Column, Table};
use crate::comparison::{Comparison, Finding};
use crate::records::Trial;

/// Version of the JSON. Raise it when an old reader would misunderstand a new file; adding a
/// field does not need it.
const SCHEMA: u32 = 2;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    name: &'a str,
    experiment: &'a str,
    profile: Option<&'a str>,
    caption: &'a str,
    columns: Vec<ColumnJson<'a>>,
    rows: Vec<RowJson<'a>>,
    baseline: Option<&'a str>,
    bold: Option<&'a str>,
    tied: Option<&'a str>,
    notes: Vec<&'a str>,
}

#[derive(Serialize)]
struct ColumnJson<'a> {
    metric: &'a str,
    label: &'a str,
    description: &'a str,
    better: Option<Better>,
    /// The file's; None if digits follow the spread.
    decimals: Option<usize>,
    scale: f64,
    shown_unit: Option<&'a str>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    variant: &'a str,
    label: &'a str,
    complete: bool,
    cells: BTreeMap<&'a str, CellJson<'a>>,
    trials: Vec<TrialJson<'a>>,
}

#[derive(Serialize)]
struct CellJson<'a> {
    mean: Option<Number>,
    sd: Option<Number>,
    /// The value shown: the mean, or the interquartile mean.
    centre: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<[f64; 2]>,
    n: usize,
    best: bool,
    tied: bool,
    paper: Option<Number>,
    #[serde(rename = "against", skip_serializing_if = "Option::is_none")]
    comparison: Option<BaselineJson<'a>>,
}

/// A difference of two rows.
#[derive(Serialize)]
pub(crate) struct ComparisonJson<'a> {
    compare: Compare,
    /// The difference or the ratio, and its interval.
    estimate: f64,
    interval: Option<[f64; 2]>,
    p: Option<f64>,
    effect_size: Option<f64>,
    seeds: &'a [u64],
    unpaired_seeds: &'a [u64],
    items: usize,
    items_left_out: &'a [String],
    /// None if no item is left out.
    items_left_out_because: Option<&'static str>,
    scope: &'static str,
}

/// A difference from the baseline.
#[derive(Serialize)]
struct BaselineJson<'a> {
    #[serde(flatten)]
    comparison: ComparisonJson<'a>,
    p_holm: Option<f64>,
    finding: Finding,
}

impl<'a> ComparisonJson<'a> {
    pub(crate) fn new(comparison: &'a Comparison) -> Self {
        let (estimate, interval) = comparison.estimate();
        let (paired, left_out) = (&comparison.paired, comparison.items_left_out.as_ref());
        Self {
            compare: comparison.compare,
            estimate,
            interval: interval.map(|i| [i.low, i.high]),
            p: paired.p,
            effect_size: paired.effect_size,
            seeds: &comparison.seeds,
            unpaired_seeds: &comparison.unpaired,
            items: comparison.items,
            items_left_out: left_out.map_or(&[], |items| &items.names),
            items_left_out_because: left_out.map(|items| items.reason),
            scope: comparison.scope(),
        }
    }
}

impl<'a> BaselineJson<'a> {
    fn new(compared: &'a BaselineComparison) -> Self {
        Self {
            comparison: ComparisonJson::new(&compared.comparison),
            p_holm: compared.p_holm,
            finding: compared.finding(),
        }
    }
}

#[derive(Serialize)]
struct TrialJson<'a> {
    id: &'a str,
    seed: u64,
    state: &'a str,
    results: BTreeMap<&'a str, Number>,
}

impl Table {
    /// One object with `schema: 2`; values that are not numbers are written as in the events.
    pub fn json(&self) -> String {
        let notes = self.comparison_notes.iter().chain(&self.notes);
        let document = Document {
            schema: SCHEMA,
            name: &self.name,
            experiment: &self.experiment,
            profile: self.profile.as_deref(),
            caption: &self.caption,
            columns: self.columns.iter().map(ColumnJson::new).collect(),
            rows: (0..self.rows.len()).map(|i| self.row_json(i)).collect(),
            baseline: self.baseline.as_ref().map(|baseline| baseline.name.as_str()),
            bold: self.best.as_deref(),
            tied: self.tied.as_deref(),
            notes: notes.map(String::as_str).collect(),
        };
        let text = serde_json::to_string_pretty(&document);
        text.expect("plain data with string keys") + "\n"
    }

    fn row_json(&self, index: usize) -> RowJson<'_> {
        let row = &self.rows[index];
        let metrics = self.columns.iter().map(|c| c.spec.metric.as_str());
        let comparisons = self.baseline.as_ref().map(|baseline| &baseline.comparisons[index]);
        let cells = row.cells.iter().enumerate().map(|(i, cell)| {
            CellJson::new(cell, comparisons.and_then(|comparisons| comparisons[i].as_ref()))
        });
        RowJson {
            variant: &row.variant.name,
            label: &row.variant.label,
            complete: row.variant.is_complete(),
            cells: metrics.zip(cells).collect(),
            trials: row.variant.trials.iter().map(TrialJson::new).collect(),
        }
    }
}

impl<'a> ColumnJson<'a> {
    fn new(column: &'a Column) -> Self {
        Self {
            metric: &column.spec.metric,
            label: &column.label,
            description: &column.description,
            better: column.spec.better,
            decimals: column.spec.decimals,
            scale: column.spec.scale,
            shown_unit: column.unit.as_deref(),
        }
    }
}

impl<'a> CellJson<'a> {
    fn new(cell: &Cell, comparison: Option<&'a BaselineComparison>) -> Self {
        let (value, estimate) = (cell.value, cell.value.estimate());
        Self {
            mean: value.number(|estimate| estimate.summary.mean).map(Number),
            sd: estimate.and_then(|estimate| estimate.summary.sd).map(Number),
            centre: value.number(|estimate| estimate.centre).map(Number),
            interval: estimate.and_then(|estimate| estimate.interval).map(|i| [i.low, i.high]),
            n: estimate.map_or(0, |estimate| estimate.summary.n),
            best: cell.is_best(),
            tied: cell.is_tied(),
            paper: cell.paper.map(Number),
            comparison: comparison.map(BaselineJson::new),
        }
    }
}

impl<'a> TrialJson<'a> {
    fn new(trial: &'a Trial) -> Self {
        let results = trial.results.iter().map(|(name, v)| (name.as_str(), Number(*v)));
        Self {
            id: &trial.id,
            seed: trial.seed,
            state: trial.state.text(),
            results: results.collect(),
        }
    }
}
