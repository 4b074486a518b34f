//! The lines that are drawn where there are more than can be told apart.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use experiments::schema::report::Better;

use super::line::Line;
use crate::figures::canvas::style::LINE_STYLES;
use crate::figures::final_metric::FinalMetric;
use crate::figures::source::Source;

/// A selection among too many lines.
#[derive(Debug, PartialEq)]
pub(super) struct Selection {
    /// For the subtitle: the lines that are drawn.
    pub(super) note: String,
    /// For people: the lines that are not, and what to do about it.
    pub(super) problem: String,
}

/// Leaves out lines until those that are drawn can be told apart: all but the best by the table's column
/// of `metric`, else by its first column with a direction, else all but the first. None if there are
/// not too many. Gives lines that would look alike other styles.
pub(super) fn select(lines: &mut [Line], metric: &str, source: Source) -> Option<Selection> {
    let of = lines.len();
    let by = if of > LINE_STYLES { keep_best(lines, metric, source) } else { None };
    let mut seen = BTreeSet::new();
    let mut drawn = lines.iter().filter(|line| line.is_drawn);
    if !drawn.all(|line| seen.insert(line.style_index % LINE_STYLES)) {
        let drawn = lines.iter_mut().filter(|line| line.is_drawn);
        drawn.enumerate().for_each(|(index, line)| line.style_index = index);
    }
    let left_out = of.checked_sub(LINE_STYLES).filter(|count| *count > 0)?;
    let note = match &by {
        Some(label) => format!("the best {LINE_STYLES} of {of} variants by {label}"),
        None => format!("the first {LINE_STYLES} of {of} variants"),
    };
    let problem = format!(
        "{left_out} of {of} variants are left out, since {LINE_STYLES} lines can be told apart; drawn are \
         {note} (choose others with the figure's `variants`)"
    );
    Some(Selection { note, problem })
}

/// Leaves out all but the best lines, or all but the first if the table has no column with a direction.
/// Returns the label of the column that decides.
fn keep_best(lines: &mut [Line], metric: &str, source: Source) -> Option<String> {
    let columns = source.report.table.iter().flat_map(|table| &table.columns);
    let columns = columns.map(|column| column.metric.as_str());
    let mut metrics =
        [metric].into_iter().chain(columns).map(|name| FinalMetric::new(name, source));
    let by = metrics.find(|metric| metric.better.is_some());
    let mut order: Vec<(Option<f64>, usize)> =
        lines.iter().map(|line| score(line, by.as_ref()?, source)).zip(0..).collect();
    order.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    for (_, index) in order.drain(LINE_STYLES..) {
        lines[index].is_drawn = false;
    }
    by.map(|metric| metric.label)
}

/// The final value of a line's variant, larger for better ones; None if there is none.
fn score(line: &Line, by: &FinalMetric, source: Source) -> Option<f64> {
    let variant = source.records.variants.iter().find(|v| v.name == line.variant)?;
    let mean = by.of(variant)?.summary.mean;
    Some(if by.better == Some(Better::Lower) { -mean } else { mean })
}
