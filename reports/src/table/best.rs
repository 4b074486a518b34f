//! The best value of a column, and those that a test cannot tell from it.

use std::collections::BTreeSet;

use experiments::schema::report::Better;

use super::cell::Standing;
use super::notes::LeftOut;
use super::{Column, Row};
use crate::comparison::{Comparison, Finding, finals};

/// The rules by which values were marked, for the notes below the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Marks {
    has_best: bool,
    has_tied: bool,
    /// The evidence of the comparisons with the best row, of each kind that occurred.
    evidence: BTreeSet<Evidence>,
    /// Items that the comparisons with the best row do not use.
    pub(super) left_out: Vec<LeftOut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    Test,
    /// Seeds that are too few for a test, or do not vary.
    TooLittle,
    /// One seed of each row.
    Checkpoints,
    /// No seed that both rows have.
    Unpaired,
}

/// Marks the best value of every column, with all that look the same, and those that are not significantly
/// worse.
pub(super) fn mark(rows: &mut [Row], columns: &[Column]) -> Marks {
    let mut marks = Marks::default();
    for (index, column) in columns.iter().enumerate() {
        marks.column(rows, index, column);
    }
    marks
}

impl Marks {
    fn column(&mut self, rows: &mut [Row], index: usize, column: &Column) {
        let Some(better) = column.spec.better else { return };
        let candidate = |row: &Row| {
            let is_candidate = row.variant.is_complete() && !row.cells[index].flagged;
            row.cells[index].value.estimate().filter(|_| is_candidate).map(|v| v.centre)
        };
        let sign = if better == Better::Higher { 1.0 } else { -1.0 };
        let mut order: Vec<(usize, f64)> = rows
            .iter()
            .enumerate()
            .filter_map(|(i, row)| Some((i, sign * candidate(row)?)))
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let [(best, _), others @ ..] = &order[..] else { return };
        if others.is_empty() {
            return;
        }
        let value = |row: usize| finals(&rows[row].variant, &column.spec.metric);
        let theirs = value(*best);
        let comparisons: Vec<Option<Comparison>> = others
            .iter()
            .map(|(row, _)| Comparison::new(&value(*row), &theirs, column.spec.compare))
            .collect();
        let shown = |row: &Row| column.value_text(row.cells[index].value).0;
        let text_of_best = shown(&rows[*best]);
        rows[*best].cells[index].standing = Standing::Best;
        self.has_best = true;
        for ((row, _), comparison) in others.iter().zip(comparisons) {
            let items = comparison.as_ref().and_then(|c| c.items_left_out.clone());
            self.left_out.extend(items.map(|items| LeftOut { column: index, items, row: *row }));
            let looks_the_same = shown(&rows[*row]) == text_of_best;
            let cannot_be_told =
                comparison.as_ref().is_some_and(|comparison| self.is_tie(comparison));
            if comparison.is_none() {
                self.evidence.insert(Evidence::Unpaired);
            }
            self.has_tied |= cannot_be_told && !looks_the_same;
            rows[*row].cells[index].standing = match (looks_the_same, cannot_be_told) {
                (true, _) => Standing::Best,
                (false, true) => Standing::Tied,
                (false, false) => Standing::Other,
            };
        }
    }

    /// True if a test does not tell the row from the best one. To call the best of the observed rows the
    /// best, the tests against the others need no correction (Gutmann and Maymin, Is the Selected
    /// Population the Best?, 1987).
    fn is_tie(&mut self, comparison: &Comparison) -> bool {
        let finding = comparison.finding(comparison.p());
        let evidence = match comparison.p() {
            _ if comparison.has_single_seed() => Evidence::Checkpoints,
            Some(_) => Evidence::Test,
            None => Evidence::TooLittle,
        };
        self.evidence.insert(evidence);
        evidence == Evidence::Test && finding == Finding::NotResolved
    }

    /// The meaning of the mark of the best, as the rest of a sentence; None if no value has it.
    pub(super) fn best(&self) -> Option<String> {
        let tested = self.evidence.contains(&Evidence::Test);
        let clauses = self.evidence.iter().map(|evidence| match evidence {
            Evidence::Test => "",
            Evidence::TooLittle if tested => {
                "; where seeds are too few or do not vary, nothing was tested"
            }
            Evidence::TooLittle => "; seeds are too few or do not vary, so that nothing was tested",
            Evidence::Checkpoints if tested => "; rows of one seed speak of these checkpoints only",
            Evidence::Checkpoints => "; these checkpoints only",
            Evidence::Unpaired if tested => "; rows without a seed in common were not tested",
            Evidence::Unpaired => "; the rows have no seed in common, so that nothing was tested",
        });
        let clauses: String = clauses.collect();
        let best = "the best of the complete rows, at the precision shown";
        self.has_best.then(|| format!("{best}{clauses}"))
    }

    /// The meaning of the mark of the others, as the rest of a sentence; None if no value has it.
    pub(super) fn tied(&self) -> Option<String> {
        let tied = "not told from the best by paired tests over the seeds (95 %, each by itself)";
        self.has_tied.then(|| tied.to_owned())
    }
}
