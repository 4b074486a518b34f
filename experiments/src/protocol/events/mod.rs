//! Events: the lines that a worker appends to its attempt's `events.jsonl`, one JSON object each.
//!
//! The format is documented for writers in any language in `docs/events.md`. Readers ignore
//! unknown fields, skip and count unknown kinds, and wait for a torn last line to be finished.

mod json;
mod limits;
mod line;
mod metrics_line;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::failure::FailureClass;
use crate::protocol::number::Number;

pub use json::parse as parse_json;
pub use limits::{LONGEST_LINE, MOST_METRICS, is_below};
pub use line::{Line, LineError};
pub use metrics_line::MetricsLine;

/// Version of the event format, sent in [`Event::Hello`]. Raise it when an old reader would
/// misunderstand a new writer; adding a field or a kind does not need it.
pub const PROTOCOL: u32 = 1;

/// An event of a worker, or of the holder on its behalf. All kinds are persisted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First line of an attempt: the worker, and the step it resumes from.
    Hello {
        /// [`PROTOCOL`] of the writer.
        protocol: u32,
        /// Name of the program.
        program: String,
        /// Identifies the program's build; trials of different builds are not mixed silently.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        build: Option<String>,
        /// The hardware it computes on, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
        /// Step of the checkpoint that this attempt continues from. Earlier attempts' points
        /// beyond it are hidden from every view.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_from: Option<u64>,
        /// True if the same build computes the same bits again from the same checkpoint, on the same
        /// device: `orch verify --execute` then trains parts of a trial again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deterministic: bool,
        /// Description of each metric, by name.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metrics: BTreeMap<String, MetricInfo>,
    },
    /// The worker's code as it was when the attempt started. The holder appends it.
    Code(Code),
    /// The source files that the program has loaded: of the code, these alone count.
    Imports {
        /// SHA-256 in hexadecimal by absolute path.
        files: BTreeMap<String, String>,
    },
    /// Progress of the current phase. For people and schedulers, not for reports.
    Progress {
        /// Name of the phase, for example `train` or `evaluate`.
        phase: String,
        /// Units of work done.
        step: u64,
        /// Units of work in total.
        of: u64,
    },
    /// Values of metrics at a step; with `item`, of one item of a set (an image, a task).
    Metrics {
        /// Training step, counted in optimiser steps done.
        step: u64,
        /// Name of the item the values belong to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// Value by metric name.
        values: BTreeMap<String, Number>,
    },
    /// A checkpoint is complete on disk.
    Checkpoint {
        /// Training step it was taken at.
        step: u64,
        /// Path, relative to the trial's folder.
        path: String,
        /// Content hash, for example `sha256:…`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
    },
    /// A file worth keeping is complete on disk.
    Artifact {
        /// Kind of file; figures use `image`.
        kind: String,
        /// Subject, for example `sample`.
        name: String,
        /// Training step it belongs to.
        #[serde(default)]
        step: u64,
        /// Name of the item it shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// Path, relative to the trial's folder.
        path: String,
    },
    /// The trial's final values. A later one replaces an earlier one.
    Result {
        /// Value by metric name.
        values: BTreeMap<String, Number>,
    },
    /// The attempt cannot continue. The worker exits non-zero right after.
    Failed {
        /// Decides whether the trial is tried again.
        class: FailureClass,
        /// The cause, and what to do, for people.
        message: String,
    },
    /// Lines of another file that could not be read as metrics. They are counted among the attempt's
    /// skipped lines.
    Skipped {
        /// Number of lines.
        #[serde(default = "one")]
        lines: u64,
        /// The file, the line and the mistake, for people.
        reason: String,
    },
}

fn one() -> u64 {
    1
}

/// The content of a worker's code, and its state in git.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The folder that the files' paths are relative to.
    pub root: String,
    /// SHA-256 in hexadecimal by path; absolute for a file outside of `root`.
    pub files: BTreeMap<String, String>,
    /// The commit that was checked out; `None` outside of a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// True if one of the files differs from the commit, or is not part of it.
    #[serde(default)]
    pub dirty: bool,
    /// The program that interprets the code, and the SHA-256 of its file; `None` for a worker that is a
    /// program of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<Interpreter>,
}

/// The program that interprets a worker's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its path, links not followed: that of a virtual environment tells the environment.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Description of a metric; sent once in [`Event::Hello`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Its definition, in a sentence.
    pub description: String,
    /// Unit, for example `dB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}
