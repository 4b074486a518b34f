//! Imports the curves of a program that was run elsewhere as a run: its points are copied into attempts
//! as if a worker had reported them, and journal and provenance record that they were imported. Store,
//! reports and exports read it like any run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Event, Line, PROTOCOL};
use experiments::protocol::number::Number;
use experiments::regular_file;

use crate::platform::atomic_file::{self, FileError, TemporaryFile};
use crate::platform::hash;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::provenance::{Imported, Program, VERSION};
use crate::tensorboard::{ReadError, Reader, Scalars};

/// The program that the imported attempts' events name.
const PROGRAM: &str = "orch import tensorboard";

/// The choices of an import.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// Metrics by the tags that they replace; other tags are metrics under their own names.
    pub(crate) metrics: BTreeMap<String, String>,
    /// True to import each curve's last value as a final value.
    pub(crate) last_is_final: bool,
}

/// A folder of event files, written by one process.
#[derive(Debug)]
pub(crate) struct Source {
    /// The folder, below the one that was searched; empty for that one itself.
    pub(crate) name: PathBuf,
    /// Its files, in the order in which they were created.
    files: Vec<Program>,
    /// Every tag of scalars.
    pub(crate) tags: BTreeSet<String>,
    /// Every other tag.
    pub(crate) others: BTreeSet<String>,
    /// When its first scalar was written, in seconds since the Unix epoch.
    start: f64,
}

/// The import failed, and no run was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// There are no curves below the folder.
    #[error(
        "no folder in `{}` has event files with scalars\n\nhint: they are named `…tfevents…`",
        folder.display()
    )]
    NoScalars {
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The reader's error.
        source: ReadError,
    },
    /// Two curves of one folder would have one name.
    #[error("the tags `{first}` and `{second}` would both be the metric `{metric}`")]
    SameMetric {
        /// The first tag, by name.
        first: String,
        /// The second tag.
        second: String,
        /// The metric of both.
        metric: String,
    },
    /// Files cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl Source {
    /// Every folder with scalars in and below `folder`, by name.
    pub(crate) fn find(folder: &Path) -> Result<Vec<Self>, ImportError> {
        let mut sources = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(name) = folders.pop() {
            let path = folder.join(&name);
            let (mut files, mut below) = (Vec::new(), Vec::new());
            for entry in path.read_dir().map_err(|error| cannot_read(&path, error))? {
                let entry = entry.map_err(|error| cannot_read(&path, error))?;
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    below.push(name.join(entry.file_name()));
                } else if entry.file_name().to_string_lossy().contains("tfevents") {
                    files.push(entry.path());
                }
            }
            files.sort();
            below.sort();
            folders.extend(below.into_iter().rev());
            sources.push(Self::scan(name, &files)?);
        }
        sources.retain(|source| !source.tags.is_empty());
        if sources.is_empty() {
            return Err(ImportError::NoScalars { folder: folder.to_owned() });
        }
        Ok(sources)
    }

    fn scan(name: PathBuf, files: &[PathBuf]) -> Result<Self, ImportError> {
        let files = files
            .iter()
            .map(|path| {
                let (_, sha256) = regular_file::open(path)
                    .and_then(hash::sha256_of)
                    .map_err(|error| cannot_read(path, error))?;
                Ok(Program { path: path.clone(), sha256 })
            })
            .collect::<Result<Vec<_>, ImportError>>()?;
        let (mut tags, mut start) = (BTreeSet::new(), f64::INFINITY);
        let others = read(&files, |event| {
            start = start.min(event.time);
            tags.extend(event.values.into_iter().map(|(tag, _)| tag));
            Ok(())
        })?;
        Ok(Self { name, files, tags, others, start })
    }

    /// The key of its trial: a hash of everything that its points depend on, in hexadecimal.
    pub(crate) fn key(&self, row: &str, seed: u64, choice: &Choice) -> String {
        let hashes: Vec<_> = self.files.iter().map(|file| &file.sha256).collect();
        let Choice { metrics, last_is_final } = choice;
        let identity = serde_json::json!([PROGRAM, row, seed, hashes, metrics, last_is_final]);
        hash::sha256(identity.to_string())
    }

    /// When its first scalar was written, in milliseconds since the Unix epoch.
    pub(crate) fn start_ms(&self) -> i64 {
        (self.start * 1000.0) as i64
    }

    /// Copies its points into `attempt`, and records their origin.
    pub(crate) fn copy(&self, attempt: &AttemptDir, choice: &Choice) -> Result<(), ImportError> {
        let metrics = self.metrics(choice)?;
        let path = attempt.events();
        attempt.create().map_err(|source| FileError::Write { path: path.clone(), source })?;
        let mut file = TemporaryFile::create(&path)?;
        append_event(&mut file, self.start, hello())?;
        let (mut last, mut end) = (BTreeMap::new(), self.start);
        read(&self.files, |event| {
            let Scalars { time, step, values } = event;
            let step = step.unsigned_abs();
            let values: BTreeMap<_, _> = values
                .into_iter()
                .map(|(tag, value)| (metrics[&tag].clone(), Number(value)))
                .collect();
            for (metric, value) in &values {
                let newest = last.entry(metric.clone()).or_insert((step, *value));
                if step >= newest.0 {
                    *newest = (step, *value);
                }
            }
            end = end.max(time);
            append_event(&mut file, time, Event::Metrics { step, item: None, values })
        })?;
        if choice.last_is_final {
            let values = last.into_iter().map(|(metric, (_, value))| (metric, value)).collect();
            append_event(&mut file, end, Event::Result { values })?;
        }
        file.persist()?;
        Ok(atomic_file::write_json(&attempt.imported(), &self.imported(choice))?)
    }

    /// The metric of every tag.
    pub(crate) fn metrics(&self, choice: &Choice) -> Result<BTreeMap<String, String>, ImportError> {
        let mut tags = BTreeMap::<String, String>::new();
        for tag in &self.tags {
            let metric = choice.metrics.get(tag).unwrap_or(tag).clone();
            if let Some(first) = tags.insert(metric.clone(), tag.clone()) {
                return Err(ImportError::SameMetric { first, second: tag.clone(), metric });
            }
        }
        Ok(tags.into_iter().map(|(metric, tag)| (tag, metric)).collect())
    }

    fn imported(&self, choice: &Choice) -> Imported {
        Imported {
            orch: VERSION.to_owned(),
            files: self.files.clone(),
            metrics: choice.metrics.clone(),
            last_is_final: choice.last_is_final,
        }
    }
}

/// Calls `each` with all events of the files that have a step; returns the tags that are not scalars.
fn read(
    files: &[Program],
    mut each: impl FnMut(Scalars) -> Result<(), ImportError>,
) -> Result<BTreeSet<String>, ImportError> {
    let mut reader = Reader::default();
    for Program { path, .. } in files {
        let file = regular_file::open(path).map_err(|error| cannot_read(path, error))?;
        for event in reader.events(BufReader::new(file)) {
            let event = event.map_err(|source| ImportError::Read { path: path.clone(), source })?;
            // A negative number is not a training step.
            if event.step >= 0 {
                each(event)?;
            }
        }
    }
    Ok(reader.others)
}

fn append_event(file: &mut TemporaryFile, time: f64, event: Event) -> Result<(), ImportError> {
    let line = Line { time: Some(time), event }.to_json() + "\n";
    Ok(file.append(line.as_bytes())?)
}

fn hello() -> Event {
    Event::Hello {
        deterministic: false,
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
