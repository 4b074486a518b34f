//! The records of an attempt: sealed as they are written, for its `exit.json`.
//!
//! The events are hashed while they are appended, so that a later change of what was there is noticed.
//! All of them, and the files that events name, are synced before the end is recorded: a success that
//! survives a power cut must not outlive what it consists of.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Event, Line};
use experiments::protocol::trial::FILE_NAME;
use experiments::regular_file;
use memchr::{memchr_iter, memmem, memrchr};
use sha2::{Digest, Sha256};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::file_seal::{FileSeal, Seals};
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::trial::file_of_trial;

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;

/// The events of an attempt as they were appended, and its other records as they were written.
#[derive(Debug)]
pub(super) struct AttemptRecords {
    path: PathBuf,
    file: Option<File>,
    hasher: Sha256,
    bytes: u64,
    /// The bytes that have been synced.
    synced: u64,
    records: Seals,
    /// The checkpoints and artifacts that they name.
    files: BTreeSet<NamedFile>,
}

/// A file or folder that an event names, relative to the trial's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum NamedFile {
    Checkpoint(PathBuf),
    Artifact(PathBuf),
}

impl AttemptRecords {
    pub(super) fn new(attempt: &AttemptDir) -> Self {
        Self {
            path: attempt.events(),
            file: None,
            hasher: Sha256::new(),
            bytes: 0,
            synced: 0,
            records: Seals::new(),
            files: BTreeSet::new(),
        }
    }

    /// Takes in whole lines that were appended since the last call. A writer may still take back one
    /// that a full disk has cut off.
    pub(super) fn read(&mut self) {
        // What cannot be read now is read later, and at the end it is an error.
        let _ = self.read_to(false);
    }

    fn read_to(&mut self, end: bool) -> io::Result<()> {
        if self.file.is_none() {
            match regular_file::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut buffer = Vec::new();
        loop {
            // Asked five times a second, and mostly there is nothing new.
            let new = file.metadata()?.len().saturating_sub(self.bytes);
            if new == 0 {
                return Ok(());
            }
            buffer.resize(CHUNK.min(new as usize), 0);
            file.seek(SeekFrom::Start(self.bytes))?;
            let n = file.read(&mut buffer)?;
            let lines = match memrchr(b'\n', &buffer[..n]) {
                Some(last) => last + 1,
                // A line that is longer than this is not taken back either.
                None if end || n == CHUNK => n,
                None => 0,
            };
            if lines == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..lines]);
            self.bytes += lines as u64;
            let mut start = 0;
            for end in memchr_iter(b'\n', &buffer[..lines]).chain([lines]) {
                self.files.extend(named_file(&buffer[start..end]));
                start = end + 1;
            }
        }
    }

    /// Remembers the seal of a record that the holder has written.
    pub(super) fn add(&mut self, attempt: &AttemptDir, path: &Path, seal: FileSeal) {
        self.records.insert(attempt.name_of(path), seal);
    }

    /// Seals the supervisor's records, and syncs them and the holder's own. The worker, which was started,
    /// runs meanwhile.
    pub(super) fn seal_records(&mut self, attempt: &AttemptDir) -> Result<(), FileError> {
        self.read();
        let trial = attempt.trial();
        for path in [attempt.command(), trial.join(FILE_NAME)] {
            self.records.extend(seal(attempt, &path)?);
        }
        let mut paths: Vec<_> = self.records.keys().map(|name| trial.join(name)).collect();
        paths.extend([
            attempt.owner(),
            attempt.events(),
            attempt.path().to_owned(),
            trial.to_owned(),
        ]);
        atomic_file::sync_all(&paths)?;
        self.synced = self.bytes;
        Ok(())
    }

    /// Syncs what `attempt`, all of whose processes have ended, has written, and returns the seals of its
    /// files: of the events as they were appended, whatever has become of the file.
    pub(super) fn complete(mut self, attempt: &AttemptDir) -> Result<Seals, FileError> {
        let events = attempt.events();
        let failed = |source| FileError::Write { path: events.clone(), source };
        self.read_to(true).map_err(failed)?;
        let mut seals = self.records;
        if let Some(file) = &self.file {
            if self.bytes > self.synced {
                file.sync_data().map_err(failed)?;
            }
            let sha256 = base16ct::lower::encode_string(&self.hasher.finalize());
            seals.insert(attempt.name_of(&events), FileSeal { bytes: self.bytes, sha256 });
        }
        // Whatever else may be there in its place is no record.
        if sync_all(&attempt.system()).is_ok() {
            seals.extend(seal(attempt, &attempt.system()).ok().flatten());
        }
        let trial = attempt.trial();
        for file in &self.files {
            match file {
                NamedFile::Checkpoint(path) => drop(sync_below(trial, path)),
                NamedFile::Artifact(path) => {
                    if let Some(path) = sync_below(trial, path) {
                        seals.extend(seal(attempt, &path)?);
                    }
                }
            }
        }
        Ok(seals)
    }
}

/// The seal of a file by its name; `None` if there is none.
fn seal(attempt: &AttemptDir, path: &Path) -> Result<Option<(String, FileSeal)>, FileError> {
    let seal =
        FileSeal::of(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    Ok(seal.map(|seal| (attempt.name_of(path), seal)))
}

/// The checkpoint or artifact that a line names.
fn named_file(line: &[u8]) -> Option<NamedFile> {
    // Most lines are points; to parse them all would take longer than to read them.
    if ["\"checkpoint\"", "\"artifact\""]
        .iter()
        .all(|kind| memmem::find(line, kind.as_bytes()).is_none())
    {
        return None;
    }
    match Line::parse(str::from_utf8(line).ok()?).ok()?.event {
        Event::Checkpoint { path, .. } => Some(NamedFile::Checkpoint(path.into())),
        Event::Artifact { path, .. } => Some(NamedFile::Artifact(path.into())),
        _ => None,
    }
}

/// Syncs a file in the trial's folder, or all in a folder there; the path of the former. What is gone by
/// now, or is not in the trial's folder, is left alone: readers tell.
fn sync_below(trial: &Path, path: &Path) -> Option<PathBuf> {
    let path = file_of_trial(trial, path).ok()?;
    sync_all(&path).ok()?;
    atomic_file::sync_folder(&path).ok()?;
    path.is_file().then_some(path)
}

fn sync_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in path.read_dir()? {
            let entry = entry?;
            // Links are not followed.
            if entry.file_type()?.is_dir() || entry.file_type()?.is_file() {
                sync_all(&entry.path())?;
            }
        }
        return File::open(path)?.sync_all();
    }
    regular_file::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_sealed_wherever_its_line_lies() {
        let artifact = r#"{"event":"artifact","kind":"image","name":"a","path":"artifacts/a.png"}"#;
        // Within the first piece that is read, across its end, and after it.
        for before in [CHUNK / 2, CHUNK - artifact.len() / 2, 2 * CHUNK] {
            let trial = tempfile::tempdir().unwrap();
            let attempt = AttemptDir::at(trial.path().join("attempt-1"));
            for folder in [attempt.path().to_owned(), trial.path().join("artifacts")] {
                std::fs::create_dir(folder).unwrap();
            }
            std::fs::write(trial.path().join("artifacts/a.png"), "a picture").unwrap();
            let points = "{\"event\":\"point\"}\n".repeat(before.div_ceil(18));
            let events = format!("{}\n{artifact}\n{points}", &points[..before - 1]);
            std::fs::write(attempt.events(), events).unwrap();
            let mut records = AttemptRecords::new(&attempt);
            records.read();
            let seals = records.complete(&attempt).unwrap();
            assert!(seals.contains_key("artifacts/a.png"), "{before}: {seals:?}");
        }
    }
}
