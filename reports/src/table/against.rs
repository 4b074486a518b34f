//! The second part of a table: every row against a baseline.

use experiments::schema::report::{self, Better};

use super::{Column, Row, Table};
use crate::comparison::{Comparison, Finding, correct, finals};

/// All comparisons with one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Against {
    /// The variant's name.
    pub baseline: String,
    /// Its label.
    pub label: String,
    /// By row and column of the table; none for the baseline itself, for plain facts, and where
    /// there is no pair. The p-values are corrected by column.
    pub cells: Vec<Vec<Option<Comparison>>>,
}

/// Headings of [`Table::against_lines`], after the row's own.
pub(super) const HEADINGS: [&str; 7] =
    ["metric", "difference", "95 % interval", "p (Holm)", "d_z", "seeds × items", "verdict"];

impl Against {
    pub(super) fn new(baseline: &str, rows: &[Row], columns: &[Column]) -> Option<Self> {
        let base = &rows.iter().find(|row| row.variant.name == baseline)?.variant;
        let compare = |row: &Row, column: &Column| {
            let metric = &column.spec.metric;
            let is_asked = row.variant.name != baseline && column.spec.better.is_some();
            is_asked
                .then(|| Comparison::new(&finals(&row.variant, metric), &finals(base, metric)))?
        };
        let mut cells: Vec<Vec<_>> =
            rows.iter().map(|row| columns.iter().map(|c| compare(row, c)).collect()).collect();
        for index in 0..columns.len() {
            correct(cells.iter_mut().filter_map(|row| row[index].as_mut()));
        }
        Some(Self { baseline: base.name.clone(), label: base.label.clone(), cells })
    }
}

impl Table {
    /// A line for every row and metric that could be compared: the row's label, then what
    /// [`HEADINGS`] says.
    pub(super) fn against_lines(&self) -> Vec<Vec<String>> {
        let Some(against) = &self.against else { return Vec::new() };
        let rows = self.rows.iter().zip(&against.cells);
        let lines = rows.flat_map(|(row, cells)| {
            let compared = self.columns.iter().zip(cells).filter_map(|(column, cell)| {
                cell.as_ref().map(|comparison| line(column, comparison))
            });
            compared.map(|line| [vec![row.label()], line].concat())
        });
        lines.collect()
    }

    /// Title of the second part.
    pub(super) fn against_title(&self) -> Option<String> {
        let against = self.against.as_ref()?;
        Some(format!("Against {}", against.label))
    }
}

/// The fields of one comparison, its difference with one more digit than the table shows.
fn line(column: &Column, comparison: &Comparison) -> Vec<String> {
    let decimals = column.spec.decimals + 1;
    let finer =
        Column { spec: report::Column { decimals, ..column.spec.clone() }, ..column.clone() };
    let signed = |value: f64| {
        let text = finer.text(value);
        if text.starts_with('-') { text.replacen('-', "−", 1) } else { format!("+{text}") }
    };
    let paired = &comparison.paired;
    let none = || super::ABSENT.to_owned();
    let interval = paired.interval.map(|i| format!("[{}, {}]", signed(i.low), signed(i.high)));
    let items = if comparison.items == 0 { none() } else { comparison.items.to_string() };
    vec![
        column.label.clone(),
        signed(paired.difference),
        interval.unwrap_or_else(none),
        comparison.p.map_or_else(none, p_text),
        paired.effect_size.map_or_else(none, |d| format!("{d:.2}").replace('-', "−")),
        format!("{} × {items}", comparison.seeds.len()),
        verdict(column, comparison),
    ]
}

/// A p-value with as many digits as anybody can use.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn verdict(column: &Column, comparison: &Comparison) -> String {
    let lower_is_better = column.spec.better == Some(Better::Lower);
    let finding = comparison.finding();
    let verdict = match finding {
        Finding::Higher | Finding::Lower => {
            if (finding == Finding::Lower) == lower_is_better {
                "better"
            } else {
                "worse"
            }
        }
        Finding::NotResolved => "not resolved",
        Finding::TooFew => "too few seeds",
        Finding::NoVariance => "does not vary",
    };
    let scope = if comparison.of_checkpoints_only() && finding != Finding::TooFew {
        ", these checkpoints only"
    } else {
        ""
    };
    verdict.to_owned() + scope
}
