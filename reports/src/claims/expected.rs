//! The verdicts of an earlier report, read from its `claims.json`.

use serde::Deserialize;

use super::verdict::Verdict;

/// A claim and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimVerdict {
    /// The claim as the file worded it.
    pub claim: String,
    /// Its comparison, `sr4.psnr > sr3.psnr`.
    pub compare: String,
    /// The verdict on it.
    pub verdict: Verdict,
}

/// The verdicts in the bytes of a `claims.json`.
pub fn verdicts(json: &[u8]) -> Result<Vec<ClaimVerdict>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        claims: Vec<ClaimVerdict>,
    }
    serde_json::from_slice::<Document>(json).map(|document| document.claims)
}
