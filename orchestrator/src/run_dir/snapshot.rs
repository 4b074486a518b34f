//! `experiment.yaml` in the run's folder: the file as it was resolved when it was run last.

use std::path::Path;

use experiments::expand::{Row, Weight};
use experiments::schema::executor::{Executor, Slurm};
use experiments::schema::file::{Retry, Stall, Worker};
use experiments::schema::keep::Keep;
use experiments::schema::report::Report;
use experiments::schema::resources::Resources;
use experiments::yaml::{parse, source};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::shell::quoted;

/// An experiment under one profile, everything filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The experiment's name.
    pub experiment: String,
    /// The profile.
    pub profile: Option<String>,
    /// The profile's caption.
    pub caption: String,
    /// The words of the command line that ran it last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What `--set` changed of the file when it was run last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// SHA-256 of the file that it was resolved from.
    pub file_hash: String,
    /// The program that carries trials out.
    pub worker: Worker,
    /// What one attempt holds.
    pub resources: Resources,
    /// Where attempts run.
    #[serde(default)]
    pub executor: Executor,
    /// How they are submitted, where that is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// What happens after a failure.
    pub retry: Retry,
    /// The variants that the last `orch run` was confined to; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// What happens to an attempt of which nothing is heard.
    #[serde(default)]
    pub stall: Stall,
    /// What `orch gc` leaves; everything if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Name and label of every row.
    pub rows: Vec<Row>,
    /// Every trial with its config.
    pub trials: Vec<ResolvedTrial>,
    /// The table and figures that come out.
    pub report: Report,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTrial {
    /// Its id.
    pub id: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The config with every default.
    pub config: Map<String, Value>,
    /// What decides when it starts.
    #[serde(default)]
    pub weight: Weight,
}

impl Resolved {
    /// A caption of the profile, and how the last `orch run` departed from what it tells.
    pub fn with_set(&self, of_profile: &str) -> String {
        if self.set.is_empty() {
            return of_profile.to_owned();
        }
        format!("{of_profile} Run with --set {}.", self.set.join(", ")).trim_start().to_owned()
    }

    /// The command that goes on with it, as one types it.
    pub fn command_line(&self) -> String {
        if self.command.is_empty() {
            // It was last run by a version that did not record it.
            return "orch run FILE".to_owned();
        }
        self.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, source::FileError> {
        source::Source::read_record(path)?.decode()
    }

    /// Writes the file at `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        atomic_file::write(path, parse::to_string(self).as_bytes())
    }
}

/// The metric to show beside a trial's progress: that of the first curve.
pub fn headline(report: &Report) -> Option<&str> {
    report.figures.iter().find_map(|figure| match figure {
        experiments::schema::report::Figure::Curve(curve) => Some(curve.metric.as_str()),
        _ => None,
    })
}
