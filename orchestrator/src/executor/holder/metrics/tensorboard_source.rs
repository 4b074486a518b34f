//! Metrics in the event files of TensorBoard that a worker writes in and below a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use experiments::protocol::events::MOST_METRICS;
use experiments::protocol::number::Number;
use experiments::regular_file;
use experiments::schema::metrics::MetricSource;

use super::event_writer::{EventWriter, Step};
use crate::tensorboard::{Reader, Scalars};

/// Levels of folders that are searched.
const DEPTH: usize = 16;

/// Files and folders that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// A folder in and below which event files appear.
pub(super) struct TensorboardSource {
    folder: PathBuf,
    prefix: String,
    /// The files that were there before the attempt.
    existing: BTreeSet<PathBuf>,
    /// The position in each of the attempt's files, in bytes.
    offsets: BTreeMap<PathBuf, u64>,
    /// A reader for each folder.
    readers: BTreeMap<PathBuf, Reader>,
    /// The folder of each tag: the first that had it.
    tags: BTreeMap<String, PathBuf>,
    /// The reasons for which something was skipped, each reported once.
    reported: BTreeSet<String>,
}

impl TensorboardSource {
    pub(super) fn new(folder: PathBuf, source: &MetricSource) -> Self {
        Self {
            existing: event_files(&folder).into_iter().collect(),
            folder,
            prefix: source.prefix.clone(),
            offsets: BTreeMap::new(),
            readers: BTreeMap::new(),
            tags: BTreeMap::new(),
            reported: BTreeSet::new(),
        }
    }

    /// The same with all files, which are the attempt's own.
    pub(super) fn whole(self) -> Self {
        Self { existing: BTreeSet::new(), ..self }
    }

    /// Reads what was added to the attempt's files, and its new ones.
    pub(super) fn read(&mut self, writer: &mut EventWriter, is_last: bool) {
        for path in event_files(&self.folder) {
            if writer.is_full() {
                return;
            }
            if self.existing.contains(&path) {
                continue;
            }
            // A record that is damaged may only be unfinished, as on a network file system.
            if let Err(error) = self.read_file(&path, writer)
                && is_last
            {
                self.skip(writer, &format!("`{}`: {error}", path.display()));
            }
        }
    }

    fn read_file(&mut self, path: &Path, writer: &mut EventWriter) -> anyhow::Result<()> {
        let offset = self.offsets.get(path).copied().unwrap_or_default();
        let mut file = regular_file::open(path)?;
        if file.metadata()?.len() <= offset {
            return Ok(());
        }
        file.seek(SeekFrom::Start(offset))?;
        let folder = path.parent().unwrap_or(path).to_owned();
        let mut reader = self.readers.remove(&folder).unwrap_or_default();
        let mut events = reader.events_from(BufReader::new(file), offset);
        let mut error = None;
        for event in events.by_ref() {
            match event {
                Ok(scalars) => self.report(scalars, &folder, writer),
                Err(found) => {
                    error = Some(found);
                    break;
                }
            }
            if writer.is_full() {
                break;
            }
        }
        self.offsets.insert(path.to_owned(), events.offset());
        self.readers.insert(folder, reader);
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    fn report(&mut self, scalars: Scalars, folder: &Path, writer: &mut EventWriter) {
        let Scalars { time, step, values } = scalars;
        // A negative number is not a training step.
        let Ok(step) = u64::try_from(step) else { return };
        let mut reported = BTreeMap::new();
        for (tag, value) in values {
            if self.tags.len() >= MOST_METRICS && !self.tags.contains_key(&tag) {
                self.skip(
                    writer,
                    &format!("more than {MOST_METRICS} tags in `{}`", self.folder.display()),
                );
                continue;
            }
            let first = self.tags.entry(tag.clone()).or_insert_with(|| folder.to_owned());
            if first == folder {
                reported.insert(format!("{}{tag}", self.prefix), Number(value));
            } else {
                let reason = format!(
                    "the tag `{tag}` of `{}` is also in `{}`: name each folder as a source of its own, \
                     with a `prefix`",
                    folder.display(),
                    first.display()
                );
                self.skip(writer, &reason);
            }
        }
        if !reported.is_empty() {
            writer.values(Some(time).filter(|time| *time > 0.0), Step::named(step), reported);
        }
    }

    fn skip(&mut self, writer: &mut EventWriter, reason: &str) {
        if self.reported.len() < MOST_METRICS && self.reported.insert(reason.to_owned()) {
            writer.skipped(1, reason);
        }
    }

    /// The reason for which there are no values; `None` if there are some, or it was reported.
    pub(super) fn found_nothing(&self) -> Option<String> {
        let nothing = self.tags.is_empty() && self.reported.is_empty();
        nothing.then(|| {
            format!("the attempt wrote no event file with scalars in `{}`", self.folder.display())
        })
    }
}

/// The event files in and below `folder`, by name. Links below it are not followed.
fn event_files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut looked_at) = (Vec::new(), 0);
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        // It may be missing, or be removed meanwhile.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map_while(io::Result::ok) {
            looked_at += 1;
            if looked_at > MOST_ENTRIES {
                break;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEPTH => {
                    folders.push((entry.path(), depth + 1));
                }
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    let is_event_file = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents"))
    };
    files.retain(is_event_file);
    files.sort();
    files
}
