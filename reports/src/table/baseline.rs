//! The second part of a table: every row compared with a baseline.

use experiments::schema::report::{Better, Compare};

use super::against::{Baseline, BaselineComparison};
use super::data::{ABSENT, Column, Row, Table};
use crate::comparison::{Comparison, Family, Finding, finals};
use crate::statistics::holm;

/// Headings of [`Table::comparison_lines`], after the row's own.
pub(super) const HEADINGS: [&str; 7] =
    ["metric", "difference", "95 % interval", "p (Holm)", "d_z", "seeds × items", "verdict"];

impl Baseline {
    /// None if no row has that name, or none can be compared with it.
    pub(super) fn new(
        name: &str,
        rows: &[Row],
        columns: &[Column],
        family: &Family,
    ) -> Option<Self> {
        let baseline = &rows.iter().find(|row| row.variant.name == name)?.variant;
        let mut comparisons = vec![vec![None; columns.len()]; rows.len()];
        for (index, column) in columns.iter().enumerate() {
            if column.spec.better.is_none() {
                continue;
            }
            let metric = &column.spec.metric;
            let theirs = finals(baseline, metric);
            for (row, comparisons) in rows.iter().zip(&mut comparisons) {
                let row = &row.variant;
                if row.name != name {
                    let comparison =
                        Comparison::new(&finals(row, metric), &theirs, column.spec.compare);
                    comparisons[index] = comparison.map(|comparison| {
                        let is_tested = comparison.p().is_some();
                        let claim = family.claimed([&row.name, name], metric);
                        let (p_holm, claimed) = claim.filter(|_| is_tested).unzip();
                        BaselineComparison { p_holm, claimed: claimed.flatten(), comparison }
                    });
                }
            }
            if *family == Family::Columns {
                adjust_p_values(comparisons.iter_mut().filter_map(|row| row[index].as_mut()));
            }
        }
        comparisons.iter().flatten().any(Option::is_some).then_some(())?;
        let (name, label) = (name.to_owned(), baseline.label.clone());
        Some(Self { name, label, comparisons, family: family.clone() })
    }

    /// The family of the verdicts, as a part of a sentence.
    pub(super) fn family(&self) -> &'static str {
        match self.family {
            Family::Claims(_) if self.family.is_under_design() => {
                "verdicts are those of the claims under the file's design, intervals those of all seeds as \
                 if their number had been decided beforehand, and differences that no claim names are not \
                 tested"
            }
            Family::Claims(_) => {
                "verdicts are those of the claims, p-values corrected by Holm over all claims, and \
                 differences that no claim names are not tested"
            }
            Family::Columns => "p-values corrected by Holm within each column",
        }
    }
}

/// Adjusts the p-values of a family of comparisons by Holm's method.
fn adjust_p_values<'a>(family: impl Iterator<Item = &'a mut BaselineComparison>) {
    let mut tested: Vec<_> = family.filter(|c| c.comparison.p().is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|c| c.comparison.p()).collect();
    for (comparison, p) in tested.iter_mut().zip(holm(&p_values)) {
        comparison.p_holm = Some(p);
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

/// The fields of one comparison: its difference with one more digit than a value of that spread, or its ratio.
fn fields(column: &Column, compared: &BaselineComparison) -> Vec<String> {
    let comparison = &compared.comparison;
    let (estimate, interval) = comparison.estimate();
    let half = interval.map(|i| (i.high - i.low) / 2.0 * column.spec.scale);
    let decimals = column.decimals.of(half) + 1;
    let text = |value: f64| match comparison.compare {
        Compare::Difference => signed(&column.text(value, decimals)),
        Compare::Ratio => format!("×{value:.3}"),
    };
    let paired = &comparison.paired;
    let none = || ABSENT.to_owned();
    let interval = interval.map(|i| format!("[{}, {}]", text(i.low), text(i.high)));
    let items = if comparison.items == 0 { none() } else { comparison.items.to_string() };
    vec![
        column.label.clone(),
        text(estimate),
        interval.unwrap_or_else(none),
        compared.p_holm.map_or_else(none, p_text),
        paired.effect_size.map_or_else(none, |d| format!("{d:.2}").replace('-', "−")),
        format!("{} × {items}", comparison.seeds.len()),
        verdict(column, compared),
    ]
}

/// A number with its sign; what is zero at the digits shown has none.
fn signed(text: &str) -> String {
    let is_zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b)) && !text.contains('∞');
    if is_zero {
        text.to_owned()
    } else if text.starts_with('-') {
        text.replacen('-', "−", 1)
    } else {
        format!("+{text}")
    }
}

/// A p-value with three decimals; `<0.001` below that.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn verdict(column: &Column, compared: &BaselineComparison) -> String {
    let lower_is_better = column.spec.better == Some(Better::Lower);
    let finding = compared.finding();
    let verdict = match finding {
        Finding::Higher | Finding::Lower => {
            if (finding == Finding::Lower) == lower_is_better {
                "better"
            } else {
                "worse"
            }
        }
        Finding::Equivalent => "equivalent",
        Finding::NotResolved => "not resolved",
        Finding::NotTested => "no claim",
        Finding::TooFew => "too few seeds",
        Finding::NoVariance => "does not vary",
    };
    let is_verdict = !matches!(finding, Finding::TooFew | Finding::NotTested);
    let is_of_checkpoints = is_verdict && compared.comparison.has_single_seed();
    let scope = if is_of_checkpoints { ", these checkpoints only" } else { "" };
    verdict.to_owned() + scope
}
