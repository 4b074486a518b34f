//! The run's journal: every decision of a supervisor is a line in `journal.jsonl` before it takes
//! effect, so that the database can be rebuilt from it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use experiments::expand::{ResolvedTrial, Row};
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;
use serde::{Deserialize, Serialize};

use crate::platform::{clock, line_reader};
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
}

/// The version alone, which every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    version: u32,
}

impl Line {
    /// Parses a line without its line feed. `Ok(None)` for a line that a power cut has torn, which is
    /// a decision that did not take effect; `Err` with the version of another format.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, u32> {
        let version = match serde_json::from_str(text) {
            Ok(Self { version, .. }) if version != VERSION => version,
            Ok(line) => return Ok(Some(line)),
            Err(_) => match serde_json::from_str(text) {
                Ok(Versioned { version }) if version != VERSION => version,
                Ok(_) | Err(_) => return Ok(None),
            },
        };
        Err(version)
    }
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
    },
    /// A trial's attempts so far no longer count against it: it was retried on request.
    AttemptsReset {
        /// Its trial.
        trial: TrialId,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// SHA-256 of the experiment file.
    pub file_hash: String,
    /// The rows of the report's table, in its order.
    pub rows: Vec<Row>,
    /// The trials, in row order. All others are retired.
    pub trials: Vec<JournaledTrial>,
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
        let file = regular_file::open_with(File::options().create(true).append(true), path);
        let file = file.map_err(|source| JournalError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a decision; it is on disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        let line = Line { version: VERSION, time_ms: clock::now_ms(), entry };
        let mut text = serde_json::to_string(&line).expect("entries are plain data");
        text.push('\n');
        append_all(&mut self.file, text.as_bytes())
            .map_err(|source| JournalError { path: self.path.clone(), source })
    }
}

/// Appends all of `bytes` and syncs them, or none.
fn append_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line would be taken for the beginning of the next one.
        file.set_len(before)?;
    }
    written
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_told_from_a_torn_line() {
        let entry = Entry::AttemptsReset { trial: TrialId("a-s0-00000000".to_owned()) };
        let line = Line { version: VERSION, time_ms: 1, entry };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(Line::parse(&text), Ok(Some(line)));
        assert_eq!(Line::parse(&text[..text.len() - 1]), Ok(None));
        // Of another version, whether or not this one could read it, and of one before versions.
        assert_eq!(Line::parse(&text.replace("\"version\":1", "\"version\":2")), Err(2));
        assert_eq!(Line::parse(r#"{"version":2,"decision":"new"}"#), Err(2));
        assert_eq!(Line::parse(r#"{"time_ms":1,"entry":"forgiven","trial":"a"}"#), Err(0));
    }
}
