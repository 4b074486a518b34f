//! The tests that are corrected together.

use super::finding::Finding;

/// The family of the tests of differences from a baseline.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Family {
    /// Where the file makes no claims: all rows, column by column.
    #[default]
    Columns,
    /// The claims of the file, of which these are about such a difference. Others are not tested.
    Claims(Vec<ClaimedDifference>),
}

/// A difference of two rows' final values that a claim is about.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDifference {
    pub(crate) variants: [String; 2],
    pub(crate) metric: String,
    /// The claim's p-value, adjusted by Holm over all claims; 1 where it has none.
    pub(crate) p_holm: f64,
    /// The verdict under a design on the first variant minus the second; None without a design.
    pub(crate) finding: Option<Finding>,
}

impl Family {
    /// The claim about this difference, in whichever direction: its adjusted p-value, and under a design the
    /// verdict on this direction. None without one.
    pub(crate) fn claimed(
        &self,
        variants: [&str; 2],
        metric: &str,
    ) -> Option<(f64, Option<Finding>)> {
        let Self::Claims(claimed) = self else { return None };
        let [first, second] = variants;
        claimed.iter().filter(|claimed| claimed.metric == metric).find_map(|claimed| {
            let [a, b] = &claimed.variants;
            let is_reversed = [second, first] == [a, b];
            let finding = claimed.finding.map(|f| if is_reversed { f.reversed() } else { f });
            (is_reversed || [first, second] == [a, b]).then_some((claimed.p_holm, finding))
        })
    }

    /// True if its verdicts are those of a design.
    pub(crate) fn is_under_design(&self) -> bool {
        matches!(self, Self::Claims(claimed) if claimed.iter().any(|c| c.finding.is_some()))
    }
}
