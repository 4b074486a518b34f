//! `bundle.json`: the run that a bundle is of, and the files of the run that are not in it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry_name::is_folder_name;
use super::{BundleError, DESCRIPTION};
use crate::run_dir::provenance::VERSION;

/// Version of the format of bundles.
pub(super) const SCHEMA: u64 = 1;

/// A kind of files that are in a bundle only on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Standard output and standard error of workers, and the holders' logs.
    Logs,
    /// States of trainings.
    Checkpoints,
    /// Files that trials report, apart from those that the report shows.
    Artifacts,
}

impl Kind {
    /// Its name, which is that of the option, too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Checkpoints => "checkpoints",
            Self::Artifacts => "artifacts",
        }
    }
}

/// Files of one kind that are not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeftOut {
    /// The kind.
    pub(crate) kind: Kind,
    /// Their number.
    pub(crate) files: u64,
    /// Their sizes in all.
    pub(crate) bytes: u64,
}

/// The content of `bundle.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    /// [`SCHEMA`] of the writer.
    schema: u64,
    /// Version of the `orch` that made the bundle.
    pub(crate) orch: String,
    /// The run's name, which the report names as well.
    pub(crate) run: String,
    /// The kinds of files that are in it on request.
    pub(crate) with: Vec<Kind>,
    /// The files that are not in it.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Description {
    /// The description of a bundle of `run` that this program makes.
    pub(crate) fn new(run: String, with: Vec<Kind>, left_out: Vec<LeftOut>) -> Self {
        Self { schema: SCHEMA, orch: VERSION.to_owned(), run, with, left_out }
    }

    /// Reads it from `content`, the file of the bundle at `path`.
    pub(super) fn parse(content: &[u8], path: &Path) -> Result<Self, BundleError> {
        let refused = |problem: String| BundleError::refused(path, problem);
        let value: Value = serde_json::from_slice(content).map_err(|error| {
            refused(format!("`{DESCRIPTION}` is not as `orch` writes it: {error}"))
        })?;
        let schema = value["schema"].as_u64().unwrap_or(0);
        if schema != SCHEMA {
            let orch = value["orch"].as_str().unwrap_or("of another version").to_owned();
            return Err(BundleError::Version { path: path.to_owned(), schema, orch });
        }
        let description: Self = serde_json::from_value(value).map_err(|error| {
            refused(format!("`{DESCRIPTION}` is not as `orch` writes it: {error}"))
        })?;
        if is_folder_name(&description.run) {
            Ok(description)
        } else {
            Err(refused(format!("`{}` cannot be the name of a run", description.run)))
        }
    }

    /// True if this program made the bundle: it would make the same bytes again.
    pub(crate) fn is_of_this_version(&self) -> bool {
        self.orch == VERSION
    }
}
