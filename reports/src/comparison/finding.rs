//! The result of a comparison.

use serde::Serialize;

/// The result of a comparison at 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The first is higher.
    Higher,
    /// The first is lower.
    Lower,
    /// The difference lies within the margin of the file's design.
    Equivalent,
    /// The interval holds zero, or would if it were corrected for the other comparisons.
    NotResolved,
    /// The file makes claims, and none is about this difference.
    NotTested,
    /// Two pairs of seeds, or one without items, are not enough.
    TooFew,
    /// The differences do not vary, so that chance cannot be measured.
    NoVariance,
}

impl Finding {
    /// That of the second minus the first.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Higher => Self::Lower,
            Self::Lower => Self::Higher,
            other => other,
        }
    }
}
