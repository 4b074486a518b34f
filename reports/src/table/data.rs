//! The table as data: its columns, rows and cells, and their text.

use experiments::schema::report::{self, Better, Center, Spread};

use super::against::Baseline;
use super::cell::{Cell, Estimate, Value};
use super::decimals::Decimals;
use crate::records::{Records, Variant};

/// Shown in place of a missing value.
pub(super) const ABSENT: &str = "–";
/// The mark, in plain text, of a value that cannot be told from the best.
pub(super) const TIED: &str = "≈";
/// Digits of a paper's value, where the file fixes none: enough for any, and too few for rounding errors.
const PAPER_DECIMALS: usize = 9;

/// A report's table, ready to be written in any format.
#[derive(Debug, Clone)]
pub struct Table {
    /// File name without extension.
    pub(crate) name: String,
    pub(crate) experiment: String,
    /// The profile it ran under, if the file has profiles.
    pub(crate) profile: Option<String>,
    /// Title, the profile's caption and the count of seeds, as sentences.
    pub(crate) caption: String,
    /// The metrics, left to right.
    pub(crate) columns: Vec<Column>,
    /// The variants, in the file's order.
    pub rows: Vec<Row>,
    pub(crate) center: Center,
    pub(crate) spread: Spread,
    /// Every row compared with a baseline; None if the file names none, or there is nothing to compare.
    pub baseline: Option<Baseline>,
    /// The meaning of the mark of the best values, a part of a sentence; None if no value has it.
    pub best: Option<String>,
    /// The meaning of the mark of the values that cannot be told from the best.
    pub tied: Option<String>,
    /// Sentences about the comparisons of rows: their method, and what they leave out.
    pub(crate) comparison_notes: Vec<String>,
    /// As [`Records::claim_notes`], for the comparisons where they stand alone.
    pub(super) claim_notes: Vec<String>,
    /// Sentences below the table: what is missing, then the file's own notes.
    pub notes: Vec<String>,
    pub(crate) latex: report::LatexTable,
}

/// One metric of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) spec: report::Column,
    /// The heading without unit and arrow; the metric's name if the file gives none.
    pub(crate) label: String,
    /// The unit of the values shown, after scaling.
    pub(crate) unit: Option<String>,
    /// The worker's description of the metric; empty if it reported none.
    pub(crate) description: String,
    /// True if the paper's values of some row are shown beside ours.
    pub(crate) has_paper: bool,
    pub(crate) decimals: Decimals,
}

/// One row of the table: a variant.
#[derive(Debug, Clone)]
pub struct Row {
    /// The variant, with every trial that the file asks for, and none of their curves.
    pub(crate) variant: Variant,
    /// One cell per column of the table.
    pub cells: Vec<Cell>,
}

impl Table {
    /// A row's fields in the order of the columns, with text and values written as the format has
    /// them.
    pub(super) fn fields(
        &self,
        row: &Row,
        escape: impl Fn(&str) -> String,
        mut value: impl FnMut(&Column, &Cell) -> String,
    ) -> Vec<String> {
        let mut fields = vec![escape(&row.variant.marked_label())];
        fields.extend(self.has_seeds_column().then(|| row.seeds()));
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            fields.push(value(column, cell));
            fields.extend(column.has_paper.then(|| escape(&column.paper_text(cell))));
        }
        fields
    }

    /// The meaning of the marks, which are called so, then the notes.
    pub(super) fn all_notes(&self, best: &str, tied: &str) -> impl Iterator<Item = String> {
        let notes = self.comparison_notes.iter().chain(&self.notes).cloned();
        self.marks(best, tied).into_iter().chain(notes)
    }

    /// The meaning of the marks, which are called so, as sentences.
    pub(super) fn marks(&self, best: &str, tied: &str) -> Vec<String> {
        let marks = [(best, &self.best), (tied, &self.tied)];
        let sentence = |(mark, meaning): (&str, &Option<String>)| {
            meaning.as_ref().map(|meaning| format!("{mark} {meaning}."))
        };
        marks.into_iter().filter_map(sentence).collect()
    }

    /// True if a row has several seeds: a column then shows the count of those that finished.
    pub(super) fn has_seeds_column(&self) -> bool {
        self.rows.iter().any(|r| r.variant.trials.len() > 1)
    }
}

impl Column {
    pub(super) fn new(spec: &report::Column, table: &report::Table, records: &Records) -> Self {
        let info = records.metrics.get(&spec.metric);
        // The worker's unit is that of the unscaled value.
        let is_scaled = (spec.scale - 1.0).abs() > f64::EPSILON;
        let own_unit = info.and_then(|i| i.unit.clone()).filter(|_| !is_scaled);
        Self {
            label: spec.label.clone().unwrap_or_else(|| spec.metric.clone()),
            unit: spec.unit.clone().or(own_unit),
            description: info.map(|i| i.description.clone()).unwrap_or_default(),
            has_paper: table.paper.values().any(|row| row.contains_key(&spec.metric)),
            decimals: Decimals::of_metric(
                spec.decimals,
                &spec.metric,
                spec.scale,
                &records.variants,
            ),
            spec: spec.clone(),
        }
    }

    /// The heading with the arrow of its direction: `PSNR ↑`.
    pub(super) fn label_with_arrow(&self) -> String {
        match self.spec.better {
            Some(Better::Higher) => format!("{} ↑", self.label),
            Some(Better::Lower) => format!("{} ↓", self.label),
            None => self.label.clone(),
        }
    }

    /// Label, arrow and unit in one line: `PSNR ↑ (dB)`.
    pub(super) fn heading(&self) -> String {
        let label = self.label_with_arrow();
        self.unit.as_ref().map_or_else(|| label.clone(), |unit| format!("{label} ({unit})"))
    }

    /// `value` scaled, with `decimals` digits after the point.
    pub(super) fn text(&self, value: f64, decimals: usize) -> String {
        if value.is_nan() {
            return "NaN".to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "∞" } else { "-∞" }.to_owned();
        }
        let text = format!("{:.*}", decimals, value * self.spec.scale);
        let is_zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
        if is_zero { text.trim_start_matches('-').to_owned() } else { text }
    }

    /// The paper's value: no more digits than the paper may have printed.
    pub(super) fn paper_text(&self, cell: &Cell) -> String {
        let Some(value) = cell.paper else { return ABSENT.to_owned() };
        let text = self.text(value, self.decimals.fixed.unwrap_or(PAPER_DECIMALS));
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }

    /// Centre and spread as text, to be joined. None for a missing value; no spread of a single
    /// value, or of a metric that has no better or worse.
    pub(super) fn value_text(&self, value: Value) -> (Option<String>, Option<String>) {
        match value {
            Value::Absent => (None, None),
            Value::NonFinite(v) => (Some(self.text(v, 0)), None),
            Value::Finite(estimate) => {
                let decimals = self.decimals_of(estimate);
                let centre = self.text(estimate.centre, decimals);
                (Some(centre), self.spread_text(estimate, decimals))
            }
        }
    }

    /// Digits after the point of an estimate.
    fn decimals_of(&self, estimate: Estimate) -> usize {
        let shown = estimate.spread().filter(|_| self.spec.better.is_some());
        self.decimals.of(shown.map(|spread| spread * self.spec.scale))
    }

    fn spread_text(&self, estimate: Estimate, decimals: usize) -> Option<String> {
        self.spec.better?;
        match (estimate.interval, estimate.summary.sd) {
            (Some(i), _) => {
                let [low, high] = [i.low, i.high].map(|end| self.text(end, decimals));
                Some(format!(" [{low}, {high}]"))
            }
            (None, sd) => {
                let sd = sd? * self.spec.scale.abs();
                Some(format!(" ± {}", self.decimals.spread_text(sd, decimals)))
            }
        }
    }
}

impl Row {
    pub(super) fn new(variant: &Variant, columns: &[Column], spec: &report::Table) -> Self {
        let cells = columns.iter().map(|column| Cell::new(variant, &column.spec.metric, spec));
        Self { cells: cells.collect(), variant: variant.without_curves() }
    }

    /// The count of seeds that finished: `3`, or `2/3` if one is missing.
    pub(super) fn seeds(&self) -> String {
        let (finished, of) = (self.variant.finished().count(), self.variant.trials.len());
        if self.variant.is_complete() { of.to_string() } else { format!("{finished}/{of}") }
    }
}
