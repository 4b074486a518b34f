//! The tests that are corrected together.

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
}

impl Family {
    /// The adjusted p-value of the claim about this difference, in whichever direction; None without one.
    pub(crate) fn p_of_claim(&self, variants: [&str; 2], metric: &str) -> Option<f64> {
        let Self::Claims(claimed) = self else { return None };
        let is_about = |claimed: &&ClaimedDifference| {
            let [a, b] = &claimed.variants;
            claimed.metric == metric && (variants == [a, b] || variants == [b, a])
        };
        claimed.iter().find(is_about).map(|claimed| claimed.p_holm)
    }
}
