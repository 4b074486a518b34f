//! The run's journal: every decision of a supervisor is a line in `journal.jsonl` before it takes
//! effect, so that the database can be rebuilt from it. Each line names the one before it and ends in a
//! checksum of its own (`journal_chain.rs`), so that a damaged or missing one is noticed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use experiments::expand::{ResolvedTrial, Row};
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;
use experiments::schema::design::Design;
#[cfg(doc)]
use experiments::schema::report::Report;
use serde::{Deserialize, Serialize};

use super::journal_checksum;
use crate::platform::file_seal::FileSeal;
use crate::platform::{clock, line_reader};
use crate::run_dir::attempt_seal::AttemptSeal;
use crate::scheduler::{State, StopCause, StopRequest};

/// Version of the journal's format, in every line of it. Raise it when an old reader would
/// misunderstand a new writer.
pub(crate) const VERSION: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`] of the writer.
    pub(crate) version: u32,
    /// When it was written, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The decision itself.
    pub entry: Entry,
    /// The checksum of the line before it; empty in the first.
    #[serde(default)]
    pub(crate) after: String,
}

/// A decision of a supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// `orch run` was called: from now on this is the plan.
    Planned(Planned),
    /// A trial changed its state.
    Changed {
        /// Its trial.
        trial: TrialId,
        /// Its state before.
        from: State,
        /// Its state after.
        to: State,
        /// The files of the attempt that has ended by it; `None` if none has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<AttemptSeal>,
    },
    /// A trial's attempts so far no longer count against it: it was retried on request.
    AttemptsReset {
        /// Its trial.
        trial: TrialId,
        /// True if it begins again, so that their work does not count either.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restarted: bool,
    },
    /// An attempt is about to be requested to stop.
    StoppingAttempt {
        /// Its trial.
        trial: TrialId,
        /// Its number, from 1.
        attempt: u32,
        /// The cause of the stop.
        cause: StopCause,
    },
    /// An attempt has stalled: it has shown no sign of life for too long.
    Stalled {
        /// Its trial.
        trial: TrialId,
        /// Its number, from 1.
        attempt: u32,
        /// Milliseconds since its last sign of life.
        silent_ms: i64,
    },
    /// An attempt that had stalled has shown a sign of life.
    Recovered {
        /// Its trial.
        trial: TrialId,
        /// Its number, from 1.
        attempt: u32,
    },
    /// The run is about to stop before all trials have ended.
    StoppingRun {
        /// The request that stops it.
        request: StopRequest,
    },
    /// A trial's points were imported, as its first and only attempt: no worker was run.
    Imported {
        /// Its trial.
        trial: TrialId,
        /// When the first of them was recorded, in milliseconds since the Unix epoch.
        started_ms: i64,
        /// The files of that attempt.
        seal: AttemptSeal,
    },
    /// Records that are damaged were accepted as they are, on request.
    DamageAccepted {
        /// The present content of every damaged file, by its path in the run's folder; `None` for one
        /// that is missing.
        files: BTreeMap<String, Option<FileSeal>>,
    },
    /// Trials of the plan that had been started, and that the journal did not know: what is in their folders
    /// becomes the record.
    Unrecorded {
        /// The trials.
        trials: Vec<TrialId>,
    },
    /// Files of a trial are about to be removed for good.
    Removed {
        /// Its trial.
        trial: TrialId,
        /// The files and folders.
        files: Vec<Unneeded>,
    },
}

/// The plan of an `orch run`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// SHA-256 of the experiment file; empty where there is none.
    pub file_hash: String,
    /// SHA-256 of `resolved.yaml`.
    pub resolved_hash: String,
    /// The rows of the report's table, in its order.
    pub rows: Vec<Row>,
    /// The trials, in row order. All others are retired.
    pub trials: Vec<JournaledTrial>,
    /// The file's `report.design`; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design: Option<Design>,
    /// The comparisons of the file's `report.claims`, as [`Report::stated_claims`] has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
}

/// A planned trial, without its config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournaledTrial {
    /// The trial's id.
    pub id: TrialId,
    /// Hash of config, seed and command.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// The seed of its random numbers.
    pub seed: u64,
    /// The worker's build when it was planned; `None` if the worker does not report one.
    pub build: Option<String>,
    /// The data's fingerprint when it was planned; `None` if the worker does not report one.
    pub data: Option<String>,
}

impl From<&ResolvedTrial> for JournaledTrial {
    fn from(trial: &ResolvedTrial) -> Self {
        Self {
            id: trial.id.clone(),
            key: trial.key.clone(),
            variant: trial.variant.clone(),
            seed: trial.seed,
            build: trial.build.clone(),
            data: trial.data.clone(),
        }
    }
}

/// The journal, open for appending by the one supervisor.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// The checksum of the last line.
    last: String,
    /// True if lines were written since the last sync.
    is_dirty: bool,
}

/// A line as it was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) line: Line,
    /// Its checksum.
    pub(crate) checksum: String,
    /// The positions of its begin and its end in the file, in bytes.
    pub(crate) bytes: Range<u64>,
}

/// A position in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JournalPosition {
    pub(super) bytes: u64,
    /// Lines before it.
    pub(super) lines: u64,
    /// The checksum that the last of them states; empty before the first.
    pub(super) last_checksum: String,
}

/// The journal cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct JournalError {
    path: PathBuf,
    source: io::Error,
}

impl Journal {
    /// Opens the journal at `path`, made if it is missing.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError { path: path.to_owned(), source };
        let file = regular_file::open_with(File::options().create(true).append(true), path)
            .map_err(failed)?;
        let last = journal_checksum::last_checksum(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, last, is_dirty: false })
    }

    /// Appends a decision; it is on disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.write(entry)?;
        self.sync()
    }

    /// Appends a decision. It survives this process, and a power cut after [`Self::sync`].
    pub(crate) fn write(&mut self, entry: Entry) -> Result<Written, JournalError> {
        let after = self.last.clone();
        let line = Line { version: VERSION, time_ms: clock::now_ms(), entry, after };
        let json = serde_json::to_string(&line).expect("entries are plain data");
        let (mut text, checksum) = journal_checksum::with_checksum(&json);
        text.push('\n');
        let begin = write_all(&mut self.file, text.as_bytes())
            .map_err(|source| JournalError { path: self.path.clone(), source })?;
        self.last.clone_from(&checksum);
        self.is_dirty = true;
        Ok(Written { line, checksum, bytes: begin..begin + text.len() as u64 })
    }

    /// Brings all lines to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), JournalError> {
        if std::mem::take(&mut self.is_dirty) {
            let failed = |source| JournalError { path: self.path.clone(), source };
            self.file.sync_data().map_err(failed)?;
        }
        Ok(())
    }
}

/// Appends all of `bytes`, or none; the position of the first.
fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<u64> {
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(bytes) {
        // Half a line would be taken for the beginning of the next one.
        file.set_len(before)?;
        return Err(error);
    }
    Ok(before)
}

/// Ends a last line that a power cut has torn with a line feed, so that the next one begins a line.
/// Do this before the journal is read: a line that lacks nothing else takes effect by it.
pub(crate) fn close_torn_line(path: &Path) -> Result<(), JournalError> {
    line_reader::end_last_line(path)
        .map_err(|source| JournalError { path: path.to_owned(), source })
}

/// A file that is not needed any more, or a folder with all that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unneeded {
    /// Path, relative to the trial's folder.
    pub(crate) path: PathBuf,
    /// Its size in bytes.
    pub(crate) bytes: u64,
    /// The checkpoints that go with it: attempt and step.
    pub(crate) checkpoints: Vec<(u32, u64)>,
}
