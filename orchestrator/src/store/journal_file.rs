//! The run's journal: every decision of a supervisor is a line in `journal.jsonl` before it takes
//! effect, so that the database can be made again from it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use experiments::expand::Row;
use serde::{Deserialize, Serialize};

use crate::platform::clock;
use crate::scheduler::{State, StopCause, StopRequest};
use experiments::protocol::trial_id::TrialId;

/// Version of the journal's format, in every line of it. Raise it when an old reader would
/// misunderstand a new writer.
pub const VERSION: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The decision.
    pub entry: Entry,
}

/// The version alone, which every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: u32,
}

impl Line {
    /// Reads one line without its line feed. `Ok(None)` for a line that a power cut has torn, which
    /// is a decision that did not take effect; `Err` with the version of another format.
    pub fn parse(text: &str) -> Result<Option<Self>, u32> {
        match serde_json::from_str(text) {
            Ok(Versioned { version }) if version != VERSION => Err(version),
            Ok(_) => Ok(serde_json::from_str(text).ok()),
            Err(_) => Ok(None),
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// `orch run` was called: what the file asks for from now on.
    Planned(Planned),
    /// A trial went from one state to the next.
    Changed {
        /// The trial.
        trial: TrialId,
        /// Its state before.
        from: State,
        /// Its state after.
        to: State,
    },
    /// The attempts that a trial has had no longer count against it: a person wants it tried again.
    AttemptsReset {
        /// The trial.
        trial: TrialId,
    },
    /// An attempt is about to be asked to stop.
    StoppingAttempt {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: u32,
        /// Why.
        cause: StopCause,
    },
    /// Nothing has been heard of an attempt for too long.
    Stalled {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: u32,
        /// How long.
        silent_ms: i64,
    },
    /// Something has been heard of an attempt that had stalled.
    Recovered {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: u32,
    },
    /// The run is about to stop before all is done.
    StoppingRun {
        /// The request that stops it.
        request: StopRequest,
    },
    /// A trial's points were taken over from elsewhere, as its first and only attempt: nothing was run.
    Imported {
        /// The trial.
        trial: TrialId,
        /// When the first of them was recorded there, in milliseconds since the Unix epoch.
        started_ms: i64,
    },
    /// Files of a trial are about to be removed for good.
    Removed {
        /// The trial.
        trial: TrialId,
        /// Which.
        files: Vec<Unneeded>,
    },
}

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// SHA-256 of the experiment file.
    pub file_hash: String,
    /// The rows, in table order.
    pub rows: Vec<Row>,
    /// The trials, in row order. All others are retired.
    pub trials: Vec<JournaledTrial>,
}

/// A trial that the file asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournaledTrial {
    /// The trial.
    pub id: TrialId,
    /// Hash of config, seed and command.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The worker's build at the time, where it says.
    pub build: Option<String>,
    /// The data's fingerprint at the time, where the worker says.
    pub data: Option<String>,
}

/// The journal, open for appending by the one supervisor.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
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
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|source| JournalError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a decision; it is on disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        let line = Line { version: VERSION, time_ms: clock::now_ms(), entry };
        let mut text = serde_json::to_string(&line).expect("entries are plain data");
        text.push('\n');
        let mut write = || {
            let before = self.file.metadata()?.len();
            let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
            if written.is_err() {
                // A half line would be taken for the beginning of the next one.
                self.file.set_len(before)?;
            }
            written
        };
        write().map_err(|source| JournalError { path: self.path.clone(), source })
    }
}

/// Closes a last line that a power cut has torn with a line feed, so that the next one stands by
/// itself. Do this before the journal is read: a line that lacks nothing else takes effect by it.
pub fn close_torn_line(path: &Path) -> Result<(), JournalError> {
    let close = || {
        let mut file = match File::options().read(true).append(true).open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        if file.metadata()?.len() == 0 {
            return Ok(());
        }
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
    };
    close().map_err(|source| JournalError { path: path.to_owned(), source })
}

/// A file, or a folder with all that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unneeded {
    /// Path, relative to the trial's folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The checkpoints that are gone with it: attempt and step.
    pub checkpoints: Vec<(u32, u64)>,
}
