//! The best of a column, and what cannot be told from it.

use std::collections::BTreeSet;

use experiments::schema::report::Better;

use super::{Column, Row, Value};
use crate::comparison::{Comparison, Finding, correct, finals};

/// By what the best values were told from the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rule {
    /// Whether a value is bold.
    any: bool,
    /// What the comparisons of rows with the best one could rest on.
    bases: BTreeSet<Basis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Basis {
    /// A test over the seeds.
    Test,
    /// Seeds that are too few for one, or do not vary.
    TooLittle,
    /// One seed.
    Checkpoints,
}

/// Marks the best value of every column, and all that are not worse by more than chance; where that
/// cannot be tested, all that look the same as it.
pub(super) fn mark(rows: &mut [Row], columns: &[Column]) -> Rule {
    let mut rule = Rule::default();
    for (index, column) in columns.iter().enumerate() {
        rule.column(rows, index, column);
    }
    rule
}

impl Rule {
    fn column(&mut self, rows: &mut [Row], index: usize, column: &Column) {
        let Some(better) = column.spec.better else { return };
        let candidate = |row: &Row| match row.cells[index].value {
            Value::Finite(v) if row.variant.is_complete() && !row.cells[index].flagged => {
                Some(v.centre)
            }
            _ => None,
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
        let mut comparisons: Vec<Option<Comparison>> =
            others.iter().map(|(row, _)| Comparison::new(&value(*row), &theirs)).collect();
        correct(comparisons.iter_mut().flatten());
        let shown = |row: &Row| candidate(row).map(|centre| column.text(centre));
        let text_of_best = shown(&rows[*best]);
        rows[*best].cells[index].best = true;
        self.any = true;
        for ((row, _), comparison) in others.iter().zip(comparisons) {
            let looks_the_same = shown(&rows[*row]) == text_of_best;
            let cannot_be_told = comparison.is_some_and(|comparison| self.ask(&comparison));
            rows[*row].cells[index].best = looks_the_same || cannot_be_told;
        }
    }

    /// Whether a test says that a row cannot be told from the best one.
    fn ask(&mut self, comparison: &Comparison) -> bool {
        let basis = match comparison.finding() {
            _ if comparison.of_checkpoints_only() => Basis::Checkpoints,
            Finding::TooFew | Finding::NoVariance => Basis::TooLittle,
            Finding::Higher | Finding::Lower | Finding::NotResolved => Basis::Test,
        };
        self.bases.insert(basis);
        basis == Basis::Test && comparison.finding() == Finding::NotResolved
    }

    /// What bold means, as the rest of a sentence; none if nothing is bold.
    pub(super) fn meaning(&self) -> Option<String> {
        if !self.any {
            return None;
        }
        let tested = self.bases.contains(&Basis::Test);
        let means = |basis: &Basis| match basis {
            Basis::Test => {
                ", and all that paired tests over the seeds cannot tell from it (95 %, Holm)"
            }
            Basis::TooLittle if tested => {
                "; where seeds are too few or do not vary, all that look the same"
            }
            Basis::TooLittle => "; seeds are too few or do not vary, so that nothing was tested",
            Basis::Checkpoints if tested => "; rows of one seed speak of these checkpoints only",
            Basis::Checkpoints => "; these checkpoints only",
        };
        let precision = if tested { "" } else { ", at the precision shown" };
        let bases: String = self.bases.iter().map(means).collect();
        Some(format!("the best of the complete rows{precision}{bases}"))
    }
}
