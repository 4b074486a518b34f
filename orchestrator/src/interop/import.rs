//! Curves of a program that was run elsewhere, as a run: its points are copied into attempts as if a
//! worker had said them, and journal and provenance say that they were imported. Store, reports and
//! exports read it as they read any run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Event, Line, PROTOCOL};
use experiments::protocol::number::Number;

use crate::interop::tensorboard::{ReadError, Reader, Scalars};
use crate::platform::atomic_file::{self, FileError};
use crate::platform::hash;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::provenance::{Imported, Program, Provenance, VERSION};

/// What the attempts say that they are said by.
const PROGRAM: &str = "orch import tensorboard";

/// How points are taken over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Metrics by the tags that they replace; other tags are metrics as they are.
    pub metrics: BTreeMap<String, String>,
    /// Whether each curve's last value is a final value.
    pub last_is_final: bool,
}

/// A folder of event files: what one process left.
#[derive(Debug)]
pub(crate) struct Source {
    /// The folder, below the one that was searched; empty for that one itself.
    pub name: PathBuf,
    /// Its files, in the order in which they were begun.
    files: Vec<Program>,
    /// Every tag of scalars.
    pub tags: BTreeSet<String>,
    /// Every tag of something else.
    pub others: BTreeSet<String>,
    /// When its first scalar was written, in seconds since the Unix epoch.
    start: f64,
}

/// Nothing is imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// There is nothing to import.
    #[error("no folder in `{}` has event files with scalars\n\nhint: they are called `…tfevents…`", _0.display())]
    Nothing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// Two curves of one folder would be one.
    #[error("the tags `{0}` and `{1}` would both be the metric `{2}`")]
    Merged(String, String, String),
    /// Files cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl Source {
    /// Every folder with scalars in and below `folder`, in the order of their names.
    pub(crate) fn find(folder: &Path) -> Result<Vec<Self>, ImportError> {
        let mut sources = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(name) = folders.pop() {
            let path = folder.join(&name);
            let (mut files, mut below) = (Vec::new(), Vec::new());
            let entries = || path.read_dir()?.collect::<io::Result<Vec<_>>>();
            for entry in entries().map_err(|error| cannot_read(&path, error))? {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder {
                    below.push(name.join(entry.file_name()));
                } else if entry.file_name().to_string_lossy().contains("tfevents") {
                    files.push(entry.path());
                }
            }
            files.sort();
            below.sort();
            folders.extend(below.into_iter().rev());
            sources.push(Self::look(name, &files)?);
        }
        sources.retain(|source| !source.tags.is_empty());
        if sources.is_empty() { Err(ImportError::Nothing(folder.to_owned())) } else { Ok(sources) }
    }

    fn look(name: PathBuf, files: &[PathBuf]) -> Result<Self, ImportError> {
        let hashed = |path: &PathBuf| {
            let hash = || hash::sha256_of(File::open(path)?);
            let (_, sha256) = hash().map_err(|error| cannot_read(path, error))?;
            Ok(Program { path: path.clone(), sha256 })
        };
        let files = files.iter().map(hashed).collect::<Result<Vec<_>, ImportError>>()?;
        let (mut tags, mut start) = (BTreeSet::new(), f64::INFINITY);
        let others = read(&files, |event| {
            start = start.min(event.time);
            tags.extend(event.values.into_iter().map(|(tag, _)| tag));
            Ok(())
        })?;
        Ok(Self { name, files, tags, others, start })
    }

    /// What tells its trial from others, in hexadecimal.
    pub(crate) fn key(&self, row: &str, seed: u64, choice: &Choice) -> String {
        let hashes: Vec<_> = self.files.iter().map(|file| &file.sha256).collect();
        let Choice { metrics, last_is_final } = choice;
        let told = serde_json::json!([PROGRAM, row, seed, hashes, metrics, last_is_final]);
        hash::sha256(told.to_string())
    }

    /// When its first scalar was written, in milliseconds since the Unix epoch.
    pub(crate) fn start_ms(&self) -> i64 {
        (self.start * 1000.0) as i64
    }

    /// Copies its points into `attempt`, and records where they come from.
    pub(crate) fn copy(&self, attempt: &AttemptDir, choice: &Choice) -> Result<(), ImportError> {
        let metrics = self.metrics(choice)?;
        let path = attempt.events();
        let failed = |source| FileError::Write { path: path.clone(), source };
        attempt.create().map_err(failed)?;
        let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut say = |time: f64, event: Event| {
            let line = Line { time: Some(time), event }.to_json() + "\n";
            file.write_all(line.as_bytes()).map_err(failed)
        };
        say(self.start, hello())?;
        let (mut last, mut end) = (BTreeMap::new(), self.start);
        read(&self.files, |event| {
            let Scalars { time, step, values } = event;
            let step = step.unsigned_abs();
            let named = |(tag, value): (String, f64)| (metrics[&tag].clone(), Number(value));
            let values: BTreeMap<_, _> = values.into_iter().map(named).collect();
            for (metric, value) in &values {
                let newest = last.entry(metric.clone()).or_insert((step, *value));
                if step >= newest.0 {
                    *newest = (step, *value);
                }
            }
            end = end.max(time);
            Ok(say(time, Event::Metrics { step, item: None, values })?)
        })?;
        if choice.last_is_final {
            let values = last.into_iter().map(|(metric, (_, value))| (metric, value)).collect();
            say(end, Event::Result { values })?;
        }
        let sync = || file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all();
        sync().map_err(failed)?;
        Ok(atomic_file::write_json(&attempt.provenance(), &self.provenance(choice))?)
    }

    /// The metric of every tag.
    pub(crate) fn metrics(&self, choice: &Choice) -> Result<BTreeMap<String, String>, ImportError> {
        let mut tags = BTreeMap::<String, String>::new();
        for tag in &self.tags {
            let metric = choice.metrics.get(tag).unwrap_or(tag).clone();
            if let Some(other) = tags.insert(metric.clone(), tag.clone()) {
                return Err(ImportError::Merged(other, tag.clone(), metric));
            }
        }
        Ok(tags.into_iter().map(|(metric, tag)| (tag, metric)).collect())
    }

    fn provenance(&self, choice: &Choice) -> Provenance {
        of_import(Imported {
            files: self.files.clone(),
            metrics: choice.metrics.clone(),
            last_is_final: choice.last_is_final,
        })
    }
}

/// Calls `each` with all events of the files that have a step; returns the tags of what is no scalar.
fn read(
    files: &[Program],
    mut each: impl FnMut(Scalars) -> Result<(), ImportError>,
) -> Result<BTreeSet<String>, ImportError> {
    let mut reader = Reader::default();
    for Program { path, .. } in files {
        let file = File::open(path).map_err(|error| cannot_read(path, error))?;
        for event in reader.events(BufReader::new(file)) {
            let failed = |source| ImportError::Read { path: path.clone(), source };
            let event = event.map_err(failed)?;
            // What counts backwards is no training step.
            if event.step >= 0 {
                each(event)?;
            }
        }
    }
    Ok(reader.others)
}

fn hello() -> Event {
    Event::Hello {
        protocol: PROTOCOL,
        program: PROGRAM.to_owned(),
        build: None,
        device: None,
        resumed_from: None,
        metrics: BTreeMap::new(),
    }
}

fn cannot_read(path: &Path, error: io::Error) -> ImportError {
    ImportError::Read { path: path.to_owned(), source: error.into() }
}

/// The provenance of points that nothing ran for here.
fn of_import(imported: Imported) -> Provenance {
    Provenance {
        orch: VERSION.to_owned(),
        git: None,
        worker: None,
        gpus: Vec::new(),
        driver: None,
        mock: None,
        imported: Some(imported),
    }
}
