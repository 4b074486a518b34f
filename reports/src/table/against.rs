//! The comparisons of a table's rows with its baseline, as data.

use crate::comparison::{Comparison, Family, Finding};

/// The baseline of a table, and every row's comparisons with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The variant that the file names.
    pub(crate) name: String,
    pub(crate) label: String,
    /// By row and column of the table: None for the baseline itself, for metrics that have no
    /// better or worse, and where there is no pair.
    pub comparisons: Vec<Vec<Option<BaselineComparison>>>,
    pub(super) family: Family,
}

/// A row compared with the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineComparison {
    /// The differences, the row's values minus the baseline's.
    pub comparison: Comparison,
    /// The p-value adjusted by Holm within its family of tests; None if it is in none.
    pub(crate) p_holm: Option<f64>,
    /// The verdict of the claim about it, under a design.
    pub(super) claimed: Option<Finding>,
}

impl BaselineComparison {
    /// The result at 95 %, or under the file's design.
    pub fn finding(&self) -> Finding {
        self.claimed.unwrap_or_else(|| self.comparison.finding(self.p_holm))
    }
}
