//! The second part of a table: every row compared with a baseline.

use experiments::schema::report::{self, Better};

use super::data::{ABSENT, Baseline, Column, Row, Table};
use crate::comparison::{Comparison, Finding, adjust_p_values, finals};

/// Headings of [`Table::comparison_lines`], after the row's own.
pub(super) const HEADINGS: [&str; 7] =
    ["metric", "difference", "95 % interval", "p (Holm)", "d_z", "seeds × items", "verdict"];

impl Baseline {
    /// None if no row has that name, or none can be compared with it.
    pub(super) fn new(name: &str, rows: &[Row], columns: &[Column]) -> Option<Self> {
        let baseline = &rows.iter().find(|row| row.variant.name == name)?.variant;
        let mut comparisons = vec![vec![None; columns.len()]; rows.len()];
        for (index, column) in columns.iter().enumerate() {
            if column.spec.better.is_none() {
                continue;
            }
            let theirs = finals(baseline, &column.spec.metric);
            for (row, comparisons) in rows.iter().zip(&mut comparisons) {
                if row.variant.name != name {
                    let ours = finals(&row.variant, &column.spec.metric);
                    comparisons[index] = Comparison::new(&ours, &theirs);
                }
            }
            adjust_p_values(comparisons.iter_mut().filter_map(|row| row[index].as_mut()));
        }
        comparisons.iter().flatten().any(Option::is_some).then_some(())?;
        Some(Self { name: name.to_owned(), label: baseline.label.clone(), comparisons })
    }
}

impl Table {
    /// A line for every row and metric that could be compared: the row's label, then a field for
    /// each of [`HEADINGS`].
    pub(super) fn comparison_lines(&self) -> Vec<Vec<String>> {
        let Some(baseline) = &self.baseline else { return Vec::new() };
        let mut lines = Vec::new();
        for (row, comparisons) in self.rows.iter().zip(&baseline.comparisons) {
            for (column, comparison) in self.columns.iter().zip(comparisons) {
                if let Some(comparison) = comparison {
                    lines.push(
                        [vec![row.variant.marked_label()], fields(column, comparison)].concat(),
                    );
                }
            }
        }
        lines
    }

    /// Title of the second part.
    pub(super) fn comparison_title(&self) -> Option<String> {
        Some(format!("Against {}", self.baseline.as_ref()?.label))
    }
}

/// The fields of one comparison, its difference with one more digit than the table shows.
fn fields(column: &Column, comparison: &Comparison) -> Vec<String> {
    let decimals = column.spec.decimals + 1;
    let finer =
        Column { spec: report::Column { decimals, ..column.spec.clone() }, ..column.clone() };
    let signed = |value: f64| {
        let text = finer.text(value);
        if text.starts_with('-') { text.replacen('-', "−", 1) } else { format!("+{text}") }
    };
    let paired = &comparison.paired;
    let none = || ABSENT.to_owned();
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

/// A p-value with three decimals; `<0.001` below that.
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
    let scope = if comparison.has_single_seed() && finding != Finding::TooFew {
        ", these checkpoints only"
    } else {
        ""
    };
    verdict.to_owned() + scope
}
