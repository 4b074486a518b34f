//! The text around the table: its caption, and notes on missing trials and on values that are not
//! finite.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use experiments::schema::report::{self, Center, Compare, Spread};
use serde::Serialize;

use super::{Column, Row, Table};
use crate::comparison::LeftOutItems;
use crate::records::{Records, Trial, TrialState};
use crate::statistics::{RESAMPLES, SEED, seed_counts};

/// A row that lacks a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncompleteRow {
    /// The variant's name in the file.
    pub variant: String,
    /// The variant's name for readers.
    pub(crate) label: String,
    /// The count of trials that succeeded.
    pub finished: usize,
    /// The count of trials that the file asks for.
    pub of: usize,
    /// The trials that did not succeed; empty if the file asks for none.
    pub missing: Vec<MissingSeed>,
}

/// `3 of 5 trials of sr3 have succeeded`.
impl fmt::Display for IncompleteRow {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { variant, finished, of, .. } = self;
        write!(f, "{finished} of {of} trials of {variant} have succeeded")
    }
}

/// A trial that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingSeed {
    /// The trial's seed.
    pub seed: u64,
    /// The trial's state in a word or two: `running`, `failed (diverged)`.
    pub why: String,
}

/// Items of a row that a comparison does not use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeftOut {
    /// Of the table.
    pub(super) column: usize,
    pub(super) items: LeftOutItems,
    /// Of the table.
    pub(super) row: usize,
}

/// The title, the profile's caption and the count of seeds, as sentences.
pub(super) fn caption(spec: &report::Table, records: &Records) -> String {
    let mut sentences = vec![spec.title.clone(), records.caption.clone(), seeds(spec, records)];
    if spec.paper.values().any(|row| !row.is_empty()) {
        sentences.push("Columns “paper”: the values that the paper reports.".to_owned());
    }
    let sentences = sentences.iter().map(|s| s.trim()).filter(|s| !s.is_empty()).map(sentence);
    sentences.collect::<Vec<_>>().join(" ")
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?', ':']) { text.to_owned() } else { format!("{text}.") }
}

fn seeds(spec: &report::Table, records: &Records) -> String {
    let trials = records.variants.iter().flat_map(|v| &v.trials);
    let seeds: BTreeSet<u64> = trials.map(|t| t.seed).collect();
    let list = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match seeds.len() {
        0 => String::new(),
        1 => format!("One seed ({list})."),
        n => {
            let counts = records.variants.iter().map(|variant| variant.trials.len());
            let counts = seed_counts(counts).unwrap_or_else(|| format!("{n} seeds"));
            format!("{} over {counts} ({list}).", estimate(spec))
        }
    }
}

/// The estimate that cells of several seeds show.
fn estimate(spec: &report::Table) -> String {
    let centre = match spec.center {
        Center::Mean => "Mean",
        Center::Iqm => "Interquartile mean",
    };
    match spec.spread {
        Spread::Sd => format!("{centre} ± sample standard deviation"),
        Spread::Interval => format!(
            "{centre} [95 % percentile bootstrap interval, {RESAMPLES} samples from seed {SEED}]"
        ),
    }
}

/// Missing trials and values that are not finite, then the file's own notes.
pub(super) fn notes(rows: &[Row], columns: &[Column], spec: &report::Table) -> Vec<String> {
    let mut notes: Vec<String> = incomplete(rows).iter().map(incomplete_note).collect();
    for row in rows {
        let cells = columns.iter().zip(&row.cells).filter(|(_, cell)| cell.flagged);
        notes.extend(cells.map(|(column, _)| flagged_note(row, column)));
    }
    notes.extend(spec.notes.iter().map(|n| sentence(n.trim())));
    notes
}

/// The method of the comparisons, and unpaired seeds and items. `left_out` are the items that the comparisons
/// with the best rows do not use.
pub(super) fn comparison_notes(table: &Table, left_out: Vec<LeftOut>) -> Vec<String> {
    unpaired_note(table).into_iter().chain(item_notes(table, left_out)).collect()
}

pub(super) fn incomplete(rows: &[Row]) -> Vec<IncompleteRow> {
    let rows = rows.iter().map(|r| &r.variant).filter(|v| !v.is_complete());
    rows.map(|variant| IncompleteRow {
        variant: variant.name.clone(),
        label: variant.label.clone(),
        finished: variant.finished().count(),
        of: variant.trials.len(),
        missing: variant.trials.iter().filter_map(missing).collect(),
    })
    .collect()
}

/// The method of the comparisons with the baseline, and the seeds that they leave out.
fn unpaired_note(table: &Table) -> Option<String> {
    let baseline = table.baseline.as_ref()?;
    let mut left_out = Vec::new();
    for (row, comparisons) in table.rows.iter().zip(&baseline.comparisons) {
        let unpaired = comparisons
            .iter()
            .flatten()
            .flat_map(|c| &c.comparison.unpaired)
            .collect::<BTreeSet<_>>();
        let seeds = unpaired.into_iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        if !seeds.is_empty() {
            left_out.push(format!("{} ({seeds})", row.variant.label));
        }
    }
    let mut compared = baseline.comparisons.iter().flatten().flatten();
    let (pairs, over) = if compared.any(|c| c.comparison.items > 0) {
        (
            "seed and item, both taken as random and crossed",
            "items, or over seeds where no items are known",
        )
    } else {
        ("seed", "seeds")
    };
    let mut text = format!(
        "Against {}: differences paired by {pairs}; t intervals at 95 %, each by itself; {}; d_z in standard \
         deviations of the differences over {over}.",
        baseline.label,
        baseline.family()
    );
    let ratios = table.columns.iter().filter(|c| c.spec.compare == Compare::Ratio);
    let ratios: Vec<&str> = ratios.map(|column| column.label.as_str()).collect();
    if !ratios.is_empty() {
        text.push_str(" Ratios of geometric means, tested as differences of logarithms: ");
        text.push_str(&ratios.join(", "));
        text.push('.');
    }
    let deterministic = table.rows.iter().map(|row| &row.variant).filter(|v| v.deterministic);
    let deterministic: Vec<&str> = deterministic.map(|variant| variant.label.as_str()).collect();
    if !deterministic.is_empty() {
        text.push_str(" Deterministic, and compared with every seed: ");
        text.push_str(&deterministic.join(", "));
        text.push('.');
    }
    if !left_out.is_empty() {
        text.push_str(" Seeds without values in both rows that can be compared are left out: ");
        text.push_str(&left_out.join(", "));
        text.push('.');
    }
    Some(text)
}

/// The items that comparisons of rows leave out, those with the baseline among them: a sentence for
/// each column and reason.
fn item_notes(table: &Table, mut left_out: Vec<LeftOut>) -> Vec<String> {
    let comparisons = table.baseline.iter().flat_map(|baseline| &baseline.comparisons);
    for (row, comparisons) in comparisons.enumerate() {
        let items = comparisons
            .iter()
            .map(|comparison| comparison.as_ref()?.comparison.items_left_out.clone());
        let items = items.enumerate().filter_map(|(column, items)| Some((column, items?)));
        left_out.extend(items.map(|(column, items)| LeftOut { column, items, row }));
    }
    let mut rows: BTreeMap<(usize, LeftOutItems), BTreeSet<usize>> = BTreeMap::new();
    for LeftOut { column, items, row } in left_out {
        rows.entry((column, items)).or_default().insert(row);
    }
    let notes = rows.into_iter().map(|((column, items), rows)| {
        let rows: Vec<&str> =
            rows.iter().map(|row| table.rows[*row].variant.label.as_str()).collect();
        let heading = &table.columns[column].label;
        format!("{heading}, comparisons of {}: {}.", rows.join(", "), items.text())
    });
    notes.collect()
}

fn missing(trial: &Trial) -> Option<MissingSeed> {
    match &trial.state {
        TrialState::Succeeded => None,
        TrialState::Unfinished(why) => Some(MissingSeed { seed: trial.seed, why: why.clone() }),
    }
}

fn incomplete_note(row: &IncompleteRow) -> String {
    if row.of == 0 {
        return format!("† {}: no trials.", row.label);
    }
    let missing: Vec<String> =
        row.missing.iter().map(|m| format!("seed {} {}", m.seed, m.why)).collect();
    let (label, finished, of) = (&row.label, row.finished, row.of);
    let noun = if of == 1 { "seed" } else { "seeds" };
    format!("† {label}: {finished} of {of} {noun} finished; {}.", missing.join(", "))
}

fn flagged_note(row: &Row, column: &Column) -> String {
    let metric = &column.spec.metric;
    let not_finite: Vec<String> = row
        .variant
        .finished()
        .filter_map(|trial| match trial.results.get(metric) {
            Some(v) if v.is_finite() => None,
            Some(v) => Some(format!("seed {}: {}", trial.seed, column.text(*v, 0))),
            None => Some(format!("seed {}: no value", trial.seed)),
        })
        .collect();
    let (label, heading) = (&row.variant.label, &column.label);
    let (count, of) = (not_finite.len(), row.variant.finished().count());
    let left_out = if count < of { ", left out of the mean" } else { "" };
    let values = if of == 1 { "value" } else { "values" };
    let are = if count == 1 { "is" } else { "are" };
    format!(
        "‡ {label}, {heading}: {count} of {of} {values} {are} not finite{left_out} ({}).",
        not_finite.join(", ")
    )
}
