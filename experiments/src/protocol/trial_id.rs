//! The id of a trial.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A trial's id: `<variant>-s<seed>-<hash8>`, also the name of its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct TrialId(pub String);

impl TrialId {
    /// The id of a variant's trial with that seed and key.
    pub fn new(variant: &str, seed: u64, key: &str) -> Self {
        Self(format!("{variant}-s{seed}-{}", &key[..8]))
    }
}

impl TryFrom<String> for TrialId {
    type Error = &'static str;

    /// An id from a file must be the name of a folder, so that no path leads elsewhere.
    fn try_from(id: String) -> Result<Self, Self::Error> {
        if ["", ".", ".."].contains(&id.as_str())
            || id.contains(|c: char| c == '/' || c.is_control())
        {
            return Err("an id is the name of a folder");
        }
        Ok(Self(id))
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}
