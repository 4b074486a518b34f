//! The table as numbers: which value stands in which cell, which is best, what has to be said
//! below. The formats ([`Table::terminal`], [`Table::markdown`], [`Table::latex`],
//! [`Table::csv`], [`Table::json`]) only dress it.

use experiments::report::{self, Better};

use crate::records::{Records, Trial, Variant};
use crate::statistics::Summary;

mod csv;
mod json;
mod latex;
mod markdown;
mod notes;
mod terminal;

pub(crate) use csv::record;
pub use notes::{IncompleteRow, MissingSeed};

/// Stands where there is no value.
const ABSENT: &str = "–";

/// A report's table, ready to be written in any format.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The variant, with every trial that the file asks for.
    pub variant: Variant,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// One variant's value of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Over the finished seeds.
    pub value: Value,
    /// The paper's value, in the metric's own unit.
    pub paper: Option<f64>,
    /// Whether it is the best of its column at the precision shown, among complete rows.
    pub best: bool,
    /// Whether a finished trial has no finite value, so that a note below must explain.
    pub flagged: bool,
}

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// No finished trial has the metric.
    Absent,
    /// No finished trial has a finite value; this is the first seed's.
    NonFinite(f64),
    /// Mean and spread of the finite values.
    Finite(Summary),
}

impl Table {
    /// Fills the table that `spec` asks for from `records`.
    pub fn new(spec: &report::Table, records: &Records) -> Self {
        let columns: Vec<Column> =
            spec.columns.iter().map(|c| Column::new(c, spec, records)).collect();
        let mut rows: Vec<Row> =
            records.variants.iter().map(|v| Row::new(v, &columns, spec)).collect();
        for (index, column) in columns.iter().enumerate() {
            mark_best(&mut rows, index, column);
        }
        let mut table = Self {
            name: spec.name.clone(),
            experiment: records.experiment.clone(),
            profile: records.profile.clone(),
            caption: notes::caption(spec, records),
            columns,
            rows,
            notes: Vec::new(),
        };
        table.notes = notes::notes(&table, spec);
        table
    }

    /// Rows of which a trial is missing, and why.
    pub fn incomplete(&self) -> Vec<IncompleteRow> {
        notes::incomplete(&self.rows)
    }

    /// Whether a row has several seeds, so that a column must say how many of them count.
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

    /// Mean and spread as text; no mean where there is no value, no spread of a single value or
    /// of a plain fact, which has no better or worse.
    fn value_text(&self, value: Value) -> (Option<String>, Option<String>) {
        match value {
            Value::Absent => (None, None),
            Value::NonFinite(v) => (Some(self.text(v)), None),
            Value::Finite(s) => (Some(self.text(s.mean)), self.sd_text(s)),
        }
    }

    fn sd_text(&self, summary: Summary) -> Option<String> {
        self.spec.better?;
        summary.sd.map(|sd| self.text(sd))
    }
}

impl Row {
    fn new(variant: &Variant, columns: &[Column], spec: &report::Table) -> Self {
        let paper = spec.paper.get(&variant.name);
        let cells = columns.iter().map(|column| {
            let paper = paper.and_then(|row| row.get(&column.spec.metric).copied());
            Cell::new(variant, &column.spec.metric, paper)
        });
        Self { cells: cells.collect(), variant: variant.clone() }
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

impl Cell {
    fn new(variant: &Variant, metric: &str, paper: Option<f64>) -> Self {
        let result = |t: &Trial| t.results.get(metric).copied();
        let values: Vec<f64> = variant.finished().filter_map(result).collect();
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let value = match (Summary::of(&finite), values.first()) {
            (Some(summary), _) => Value::Finite(summary),
            (None, Some(first)) => Value::NonFinite(*first),
            (None, None) => Value::Absent,
        };
        let flagged = !values.is_empty() && finite.len() < variant.finished().count();
        Self { value, paper, best: false, flagged }
    }
}

/// Marks the best value of a column, and all that look the same as it.
fn mark_best(rows: &mut [Row], index: usize, column: &Column) {
    let Some(better) = column.spec.better else { return };
    let candidate = |row: &Row| match row.cells[index].value {
        Value::Finite(s) if row.variant.is_complete() && !row.cells[index].flagged => Some(s.mean),
        _ => None,
    };
    let means: Vec<f64> = rows.iter().filter_map(candidate).collect();
    if means.len() < 2 {
        return;
    }
    let best = match better {
        Better::Higher => means.into_iter().fold(f64::NEG_INFINITY, f64::max),
        Better::Lower => means.into_iter().fold(f64::INFINITY, f64::min),
    };
    for row in rows {
        let shown = candidate(row).map(|mean| column.text(mean));
        row.cells[index].best = shown == Some(column.text(best));
    }
}
