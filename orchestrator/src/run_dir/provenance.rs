//! The origin of an attempt's points: the program and the GPUs that it was run with, or the files that they were
//! imported from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Version of this program.
pub(crate) const VERSION: &str = env!("ORCH_VERSION");

/// The program and the GPUs that an attempt is started with, in its `command.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of `orch`.
    pub(crate) orch: String,
    /// The worker's program; `None` if it cannot be read.
    pub(crate) worker: Option<Program>,
    /// The GPUs of which the attempt had slots.
    pub(crate) gpus: Vec<GivenGpu>,
    /// Version of the GPUs' driver; `None` without GPUs.
    pub(crate) driver: Option<String>,
    /// The file of the mock GPUs; `None` if the GPUs are real.
    pub(crate) mock: Option<PathBuf>,
}

/// The origin of imported points: `imported.json` of an attempt that no worker was run for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Imported {
    /// Version of `orch`.
    pub(crate) orch: String,
    /// The files that were read.
    pub(crate) files: Vec<Program>,
    /// Metrics by their names in the files, as far as these differ.
    pub(crate) metrics: BTreeMap<String, String>,
    /// True if the last values were imported as final ones.
    pub(crate) last_is_final: bool,
}

/// A program, or another file that the points depend on, by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    /// The path when it was read.
    pub(crate) path: PathBuf,
    /// SHA-256 of its content.
    pub(crate) sha256: String,
}

/// A GPU that an attempt was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GivenGpu {
    /// The id that `CUDA_VISIBLE_DEVICES` takes.
    pub(crate) uuid: String,
    /// The product's name, for people.
    pub(crate) name: String,
}
