//! `provenance.json` in an attempt's folder: the code, the program and the GPUs that it was run with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Version of this program.
pub(crate) const VERSION: &str = env!("ORCH_VERSION");

/// `provenance.json` in an attempt's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of `orch`.
    pub orch: String,
    /// The code in the folder that the worker is started in, if it is a git repository.
    pub git: Option<Git>,
    /// The worker's program.
    pub worker: Option<Program>,
    /// The GPUs that the attempt was given parts of.
    pub gpus: Vec<GivenGpu>,
    /// Version of the GPUs' driver.
    pub driver: Option<String>,
    /// The file that made the GPUs up, if one did.
    pub mock: Option<PathBuf>,
    /// Where its points come from, if nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The files that were read.
    pub files: Vec<Program>,
    /// Metrics by the names that they had there, where these are others.
    pub metrics: BTreeMap<String, String>,
    /// Whether the last values were taken for final ones.
    pub last_is_final: bool,
}

/// A state of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// The commit that is checked out.
    pub commit: String,
    /// Whether files that git knows differ from that commit.
    pub dirty: bool,
    /// SHA-256 of `git diff --binary HEAD`, if they do.
    pub diff_sha256: Option<String>,
}

/// A program, or another file, that made a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// A GPU by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenGpu {
    /// For `CUDA_VISIBLE_DEVICES`.
    pub uuid: String,
    /// For people.
    pub name: String,
}
