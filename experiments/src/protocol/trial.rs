//! A trial as its worker reads it: `trial.json` in the trial's folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::trial_id::TrialId;
use crate::regular_file;

/// Environment variable with the path of `trial.json`.
pub const ENV_TRIAL: &str = "ORCH_TRIAL";
/// Environment variable with the path of the file that events are appended to.
pub const ENV_EVENTS: &str = "ORCH_EVENTS";
/// Environment variable with the folder for checkpoints; it outlives the attempt.
pub const ENV_CHECKPOINTS: &str = "ORCH_CHECKPOINTS";
/// Environment variable with the folder for artifacts; it outlives the attempt.
pub const ENV_ARTIFACTS: &str = "ORCH_ARTIFACTS";
/// Environment variable with the experiment's name.
pub const ENV_EXPERIMENT: &str = "ORCH_EXPERIMENT";
/// Environment variable with the variant's name.
pub const ENV_VARIANT: &str = "ORCH_VARIANT";
/// Environment variable with the seed.
pub const ENV_SEED: &str = "ORCH_SEED";
/// Environment variable with the number of this attempt, from 1.
pub const ENV_ATTEMPT: &str = "ORCH_ATTEMPT";

/// All of the above. They belong to one attempt and are not inherited by another.
pub const ENV_OF_ATTEMPTS: [&str; 8] = [
    ENV_TRIAL,
    ENV_EVENTS,
    ENV_CHECKPOINTS,
    ENV_ARTIFACTS,
    ENV_EXPERIMENT,
    ENV_VARIANT,
    ENV_SEED,
    ENV_ATTEMPT,
];

/// Bytes of the file, far more than any config has.
const MAX_BYTES: u64 = 64 << 20;

/// Name of the file in the trial's folder.
pub const FILE_NAME: &str = "trial.json";

/// One variant with one seed, everything filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Version of this format.
    pub orch: u32,
    /// `<variant>-s<seed>-<hash8>`, also the name of its folder.
    pub id: TrialId,
    /// The experiment's name.
    pub experiment: String,
    /// The profile it was expanded under.
    pub profile: Option<String>,
    /// The variant's name, for messages.
    pub variant: String,
    /// The seed of all of its randomness.
    pub seed: u64,
    /// CPU threads the worker may use.
    pub cpus: u32,
    /// The worker's own vocabulary; with `worker.check`, every default filled in.
    pub config: Map<String, Value>,
    /// Folder for checkpoints, relative to the trial's folder.
    pub checkpoints: PathBuf,
    /// Folder for artifacts, relative to the trial's folder.
    pub artifacts: PathBuf,
}

impl Trial {
    /// Reads `path`; the error names the file.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let text = regular_file::read(path, MAX_BYTES);
        let text = text.map_err(|error| ReadError::new(path, &error))?;
        serde_json::from_slice(&text).map_err(|error| ReadError::new(path, &error))
    }
}

/// `trial.json` is missing or malformed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read trial `{}`: {reason}", path.display())]
pub struct ReadError {
    path: PathBuf,
    reason: String,
}

impl ReadError {
    fn new(path: &Path, reason: &impl ToString) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}
