//! The exchange with `worker.check`: one JSON line per trial on its standard input, one line each
//! in the same order on its standard output.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A trial's config as written in the file, before any default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Variant and seed, for messages.
    pub trial: String,
    /// The trial's seed, which is not part of the config.
    pub seed: u64,
    /// CPU threads the trial may use.
    pub cpus: u32,
    /// The config to check.
    pub config: Map<String, Value>,
}

/// The worker's reply to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Echo of [`Request::trial`].
    pub trial: String,
    /// The config with every default filled in; as sent where there are problems.
    pub config: Map<String, Value>,
    /// Identifies the worker's build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Fingerprint of the data that the config names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Empty if the config is valid.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// A mistake in a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON pointer into the config (RFC 6901), for example `/diffusion/steps`.
    pub pointer: String,
    /// The mistake, and what would be right.
    pub message: String,
}

/// The change that makes results stale: they were made with another build, other code or other data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaleReason {
    /// The worker reports another build.
    Build,
    /// The files of its code differ.
    Code,
    /// The worker reports another fingerprint of the data.
    Data,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Code => "code",
            Self::Data => "data",
        })
    }
}
