//! A trial before and after the worker's defaults.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::Config;
use crate::protocol::check::Request;
use crate::protocol::trial_id::TrialId;

/// A variant with a seed, as written in the file.
#[derive(Debug, Clone)]
pub struct TrialSpec {
    /// The variant's name.
    pub variant: String,
    /// The variant's, the profile's or the file's.
    pub seed: u64,
    /// The config, with the origin of each value.
    pub config: Config,
}

/// A trial with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTrial {
    /// Also the name of its folder.
    pub id: TrialId,
    /// Hash of config, seed and command, in hexadecimal.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// As in [`TrialSpec::seed`].
    pub seed: u64,
    /// The config that the worker gets.
    pub config: Map<String, Value>,
    /// Decides when it starts.
    #[serde(default)]
    pub weight: Weight,
    /// The worker's build; `None` if it reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The data's fingerprint; `None` if the worker reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// The start order of a variant's trials; see [`crate::schema::file::Variant`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// Higher ones start first.
    pub priority: i64,
    /// Duration relative to other trials; of equal priority, the longest start first.
    pub cost: f64,
}

impl Default for Weight {
    fn default() -> Self {
        Self { priority: 0, cost: 1.0 }
    }
}

impl TrialSpec {
    /// Variant and seed, for messages.
    pub fn name(&self) -> String {
        format!("{}-s{}", self.variant, self.seed)
    }

    /// The request to `worker.check`.
    pub(super) fn request(&self, cpus: u32) -> Request {
        Request { trial: self.name(), seed: self.seed, cpus, config: self.config.values.clone() }
    }
}
