//! One check of a bundle.

/// A check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// The part of the bundle that was checked, in one word.
    pub(super) subject: &'static str,
    /// The result.
    pub(super) outcome: Outcome,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It agrees, as this says.
    Verified(String),
    /// It is as in the manifest, and nothing else vouches for it.
    ManifestOnly(String),
    /// It agrees, and lacks or mixes something, as these sentences say.
    Incomplete(Vec<String>),
    /// It could not be compared, for these reasons.
    Unverified(Vec<String>),
    /// It does not agree, as these sentences say.
    Differs(Vec<String>),
}

impl Outcome {
    /// Its name, for programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::ManifestOnly(_) => "manifest-only",
            Self::Incomplete(_) => "incomplete",
            Self::Unverified(_) => "unverified",
            Self::Differs(_) => "differs",
        }
    }

    /// The sentences of it.
    pub(super) fn sentences(&self) -> &[String] {
        match self {
            Self::Verified(sentence) | Self::ManifestOnly(sentence) => {
                std::slice::from_ref(sentence)
            }
            Self::Incomplete(sentences)
            | Self::Unverified(sentences)
            | Self::Differs(sentences) => sentences,
        }
    }
}
