//! The table as numbers: the value of every cell, the best of every column, and the notes below.
//! The formats ([`Table::terminal`], [`Table::markdown`], [`Table::latex`], [`Table::html`],
//! [`Table::csv`], [`Table::json`]) only lay it out.

use experiments::schema::report;

use crate::comparison::Family;
use crate::records::Records;

mod against;
mod baseline;
mod best;
mod cell;
mod csv;
mod data;
mod decimals;
mod html;
mod json;
mod latex;
mod markdown;
mod notes;
mod terminal;
mod text;
mod values;

pub use against::{Baseline, BaselineComparison};
pub(crate) use baseline::p_text;
pub use cell::{Cell, Estimate, Value};
pub(crate) use csv::optional_number;
pub use csv::{record, text_field};
pub(crate) use data::Column;
use data::{ABSENT, TIED};
pub use data::{Row, Table};
pub(crate) use decimals::Decimals;
pub(crate) use html::{displayable, escape};
pub(crate) use json::ComparisonJson;
pub(crate) use latex::escape as escape_latex;
pub(crate) use markdown::escape as escape_markdown;
pub use notes::{IncompleteRow, MissingSeed};
pub(crate) use text::{CellText, TableText};

impl Table {
    /// Fills the table that `spec` asks for from `records`. Its comparisons with a baseline are tests of
    /// `family`.
    pub fn new(spec: &report::Table, records: &Records, family: &Family) -> Self {
        let columns: Vec<Column> =
            spec.columns.iter().map(|c| Column::new(c, spec, records)).collect();
        let mut rows: Vec<Row> =
            records.variants.iter().map(|v| Row::new(v, &columns, spec)).collect();
        let marks = best::mark(&mut rows, &columns);
        let baseline = spec.baseline.as_deref();
        let baseline = baseline.and_then(|name| Baseline::new(name, &rows, &columns, family));
        let notes = notes::notes(&rows, &columns, spec);
        let mut table = Self {
            name: spec.name.clone(),
            experiment: records.experiment.clone(),
            profile: records.profile.clone(),
            caption: notes::caption(spec, records),
            columns,
            rows,
            center: spec.center,
            spread: spec.spread,
            baseline,
            best: marks.best(),
            tied: marks.tied(),
            comparison_notes: Vec::new(),
            claim_notes: records.claim_notes.clone(),
            notes,
            latex: spec.latex.clone(),
        };
        table.comparison_notes = notes::comparison_notes(&table, marks.left_out);
        table
    }

    /// Rows that lack a trial, with the reason.
    pub fn incomplete(&self) -> Vec<IncompleteRow> {
        notes::incomplete(&self.rows)
    }
}
