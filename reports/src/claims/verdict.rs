//! The verdicts on a claim.

use serde::{Deserialize, Serialize};

/// The verdict of the records on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds, at 95 % or the design's error rate.
    Supported,
    /// The opposite holds, likewise.
    Refuted,
    /// The difference lies within its margin, or for the best, no row is better by more; under a design.
    Equivalent,
    /// No look has shown it yet, nor the opposite; under a design.
    Open,
    /// There are too few seeds or items to tell.
    NotResolved,
    /// There is one checkpoint of each row, and it holds for these two.
    TrueOfCheckpoints,
    /// There is one checkpoint of each row, and the opposite holds for these two.
    FalseOfCheckpoints,
    /// There is one checkpoint of each row, and not even these two can be told apart.
    NotResolvedOfCheckpoints,
    /// A row that it names has no such value.
    NotMeasured,
}

impl Verdict {
    /// True if more seeds cannot change it, but by the other claims of its family.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Open | Self::NotResolved | Self::NotResolvedOfCheckpoints | Self::NotMeasured
        )
    }

    /// The verdict in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Refuted => "refuted",
            Self::Equivalent => "equivalent",
            Self::Open => "open",
            Self::NotResolved => "not resolved at this n",
            Self::TrueOfCheckpoints => "these checkpoints only: it is so",
            Self::FalseOfCheckpoints => "these checkpoints only: it is not so",
            Self::NotResolvedOfCheckpoints => "these checkpoints only: not resolved",
            Self::NotMeasured => "not measured",
        }
    }
}
