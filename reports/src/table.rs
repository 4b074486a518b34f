//! The table as numbers: which value stands in which cell, which is best, what has to be said
//! below. The formats ([`Table::terminal`], [`Table::markdown`], [`Table::latex`],
//! [`Table::html`], [`Table::csv`], [`Table::json`]) only dress it.

use experiments::schema::report::{self, Better, Center, Spread};

use crate::records::{Records, Variant};
use crate::statistics::{Interval, Summary};

mod against;
mod best;
mod cell;
mod csv;
mod drawn;
mod html;
mod json;
mod latex;
mod markdown;
mod notes;
mod terminal;

pub use against::Against;
pub(crate) use against::p_text;
pub use cell::{Cell, Estimate, Value};
pub use csv::record;
pub(crate) use drawn::{Drawn, Words};
pub(crate) use html::escape;
pub(crate) use json::ComparisonJson;
pub use notes::{IncompleteRow, MissingSeed};

/// Stands where there is no value.
const ABSENT: &str = "–";

/// A report's table, ready to be written in any format.
#[derive(Debug, Clone)]
pub struct Table {
    /// File name without extension.
    pub name: String,
    /// The experiment.
    pub experiment: String,
    /// The profile it ran under, if the file has profiles.
    pub profile: Option<String>,
    /// Title, the profile's caption and how many seeds.
    pub caption: String,
    /// The metrics, left to right.
    pub columns: Vec<Column>,
    /// The variants, in the file's order.
    pub rows: Vec<Row>,
    /// What stands for several seeds.
    pub center: Center,
    /// What says how far they lie apart.
    pub spread: Spread,
    /// Every row against a baseline, if the file names one.
    pub against: Option<Against>,
    /// What bold means; none if nothing is bold.
    pub bold: Option<String>,
    /// Sentences below the table: what is missing, then the file's own notes.
    pub notes: Vec<String>,
}

/// One metric of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// As the file has it.
    pub spec: report::Column,
    /// Its heading, without unit and arrow.
    pub label: String,
    /// The unit of the values shown.
    pub unit: Option<String>,
    /// How the worker computes it, in its own words; empty if it did not say.
    pub description: String,
    /// Whether the paper's values stand beside ours.
    pub has_paper: bool,
}

/// One variant of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The variant, with every trial that the file asks for, and none of their curves.
    pub variant: Variant,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

impl Table {
    /// Fills the table that `spec` asks for from `records`.
    pub fn new(spec: &report::Table, records: &Records) -> Self {
        let columns: Vec<Column> =
            spec.columns.iter().map(|c| Column::new(c, spec, records)).collect();
        let mut rows: Vec<Row> =
            records.variants.iter().map(|v| Row::new(v, &columns, spec)).collect();
        let bold = best::mark(&mut rows, &columns).meaning();
        let baseline = spec.baseline.as_deref();
        let against = baseline.and_then(|baseline| Against::new(baseline, &rows, &columns));
        let mut table = Self {
            name: spec.name.clone(),
            experiment: records.experiment.clone(),
            profile: records.profile.clone(),
            caption: notes::caption(spec, records),
            columns,
            rows,
            center: spec.center,
            spread: spec.spread,
            against,
            bold,
            notes: Vec::new(),
        };
        table.notes = notes::notes(&table, spec);
        table
    }

    /// Rows of which a trial is missing, and why.
    pub fn incomplete(&self) -> Vec<IncompleteRow> {
        notes::incomplete(&self.rows)
    }

    /// A row's fields in the order of the columns, with words and values written as the format
    /// has them.
    fn fields(
        &self,
        row: &Row,
        escape: impl Fn(&str) -> String,
        value: impl Fn(&Column, &Cell) -> String,
    ) -> Vec<String> {
        let mut fields = vec![escape(&row.label())];
        fields.extend(self.has_seeds_column().then(|| row.seeds()));
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            fields.push(value(column, cell));
            fields.extend(column.has_paper.then(|| escape(&column.paper_text(cell))));
        }
        fields
    }

    /// Whether a row has several seeds, so that a column must say how many of them count.
    fn has_seeds_column(&self) -> bool {
        self.rows.iter().any(|r| r.variant.trials.len() > 1)
    }
}

impl Column {
    fn new(spec: &report::Column, table: &report::Table, records: &Records) -> Self {
        let info = records.metrics.get(&spec.metric);
        // The worker's unit is that of the unscaled value.
        let is_scaled = (spec.scale - 1.0).abs() > f64::EPSILON;
        let own_unit = info.and_then(|i| i.unit.clone()).filter(|_| !is_scaled);
        Self {
            label: spec.label.clone().unwrap_or_else(|| spec.metric.clone()),
            unit: spec.unit.clone().or(own_unit),
            description: info.map(|i| i.description.clone()).unwrap_or_default(),
            has_paper: table.paper.values().any(|row| row.contains_key(&spec.metric)),
            spec: spec.clone(),
        }
    }

    /// The heading with the arrow of its direction: `PSNR ↑`.
    fn label_with_arrow(&self) -> String {
        match self.spec.better {
            Some(Better::Higher) => format!("{} ↑", self.label),
            Some(Better::Lower) => format!("{} ↓", self.label),
            None => self.label.clone(),
        }
    }

    /// The heading in one line: `PSNR ↑ (dB)`.
    fn heading(&self) -> String {
        let label = self.label_with_arrow();
        self.unit.as_ref().map_or_else(|| label.clone(), |unit| format!("{label} ({unit})"))
    }

    /// `value` scaled and rounded as the column shows it.
    fn text(&self, value: f64) -> String {
        if value.is_nan() {
            return "NaN".to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "∞" } else { "-∞" }.to_owned();
        }
        let text = format!("{:.*}", self.spec.decimals, value * self.spec.scale);
        let is_zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
        if is_zero { text.trim_start_matches('-').to_owned() } else { text }
    }

    /// The paper's value: no more digits than the paper may have printed.
    fn paper_text(&self, cell: &Cell) -> String {
        let Some(value) = cell.paper else { return ABSENT.to_owned() };
        let text = self.text(value);
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    }

    /// Centre and spread as text, the spread as it follows the centre; no centre where there is no
    /// value, no spread of a single value or of a plain fact, which has no better or worse.
    fn value_text(&self, value: Value) -> (Option<String>, Option<String>) {
        match value {
            Value::Absent => (None, None),
            Value::NonFinite(v) => (Some(self.text(v)), None),
            Value::Finite(v) => (Some(self.text(v.centre)), self.spread_text(v)),
        }
    }

    fn spread_text(&self, estimate: Estimate) -> Option<String> {
        self.spec.better?;
        let interval = |i: Interval| format!(" [{}, {}]", self.text(i.low), self.text(i.high));
        let Summary { sd, .. } = estimate.summary;
        estimate.interval.map(interval).or_else(|| sd.map(|sd| format!(" ± {}", self.text(sd))))
    }
}

impl Row {
    fn new(variant: &Variant, columns: &[Column], spec: &report::Table) -> Self {
        let cells = columns.iter().map(|column| Cell::new(variant, &column.spec.metric, spec));
        Self { cells: cells.collect(), variant: variant.without_curves() }
    }

    /// The label, marked if a trial is missing.
    fn label(&self) -> String {
        let mark = if self.variant.is_complete() { "" } else { "†" };
        format!("{}{mark}", self.variant.label)
    }

    /// How many seeds count: `3`, or `2/3` if one is missing.
    fn seeds(&self) -> String {
        let (finished, of) = (self.variant.finished().count(), self.variant.trials.len());
        if self.variant.is_complete() { of.to_string() } else { format!("{finished}/{of}") }
    }
}
