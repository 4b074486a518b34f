//! Metrics in the lines of a worker's output, or of a file that it writes.

use std::fs;
use std::path::PathBuf;

use experiments::schema::metrics::{MetricSource, SourceKind};
use experiments::yaml::suggest::nearest;

use super::event_writer::{EventWriter, Step};
use super::growing_file::{Chunk, GrowingFile};
use super::record::{Format, Record, header};

/// Lines that could not be read and are reported one by one, as many as are kept of an attempt.
const REPORTED: u64 = 5;

/// Characters of such a line that are shown.
const SHOWN: usize = 80;

/// Chunks that are read in a row while the worker runs, so that a request to stop is not kept waiting.
const CHUNKS: usize = 4;

/// A source of lines.
pub(super) struct LineSource {
    source: MetricSource,
    path: PathBuf,
    file: GrowingFile,
    format: Format,
    /// The step that was read last.
    last_step: Option<u64>,
    /// Number of records without any step.
    counter: u64,
    records: u64,
    skipped: u64,
    /// The reason for which the file cannot be read.
    unreadable: Option<String>,
}

impl LineSource {
    pub(super) fn new(path: PathBuf, source: &MetricSource) -> Result<Self, String> {
        Ok(Self {
            format: Format::of(source)?,
            source: source.clone(),
            file: GrowingFile::from_end(path.clone()),
            path,
            last_step: None,
            counter: 0,
            records: 0,
            skipped: 0,
            unreadable: None,
        })
    }

    /// The same with the records that earlier attempts left in its file counted, as those that follow are.
    pub(super) fn continued(mut self) -> Self {
        if self.source.step.is_none() && self.source.is_path() {
            self.counter = self.records_without_step();
        }
        self
    }

    /// The records in the file as it is, up to the first with a step.
    fn records_without_step(&self) -> u64 {
        let (mut file, mut count) = (GrowingFile::from_start(self.path.clone()), 0);
        let Ok(mut format) = Format::of(&self.source) else { return 0 };
        while let Ok(Chunk { lines, from_start, more, .. }) = file.read(false) {
            let mut lines = lines.iter();
            if let Format::Csv(names) = &mut format
                && from_start
            {
                *names = lines.next().and_then(|line| header(line).ok());
            }
            for line in lines {
                match format.parse(line, self.source.step_name()) {
                    Ok(Some(Record { step: Some(_), .. })) => return count,
                    Ok(Some(Record { values, .. })) => count += u64::from(!values.is_empty()),
                    Ok(None) | Err(_) => {}
                }
            }
            if !more {
                break;
            }
        }
        count
    }

    /// The same from the start of its file, which is the attempt's own.
    pub(super) fn whole(self) -> Self {
        Self { file: GrowingFile::from_start(self.path.clone()), ..self }
    }

    /// Reads the new lines; all of them if this `is_last`.
    pub(super) fn read(&mut self, writer: &mut EventWriter, is_last: bool) {
        let mut chunks = 0;
        while !writer.is_full() && (is_last || chunks < CHUNKS) {
            match self.read_chunk(writer, is_last) {
                Ok(true) => chunks += 1,
                Ok(false) => break,
                Err(reason) => {
                    if self.unreadable.as_ref() != Some(&reason) {
                        writer.skipped(1, &format!("{}: {reason}", self.name()));
                    }
                    self.unreadable = Some(reason);
                    break;
                }
            }
        }
        if is_last && self.skipped > REPORTED {
            let reason = format!("{}: more lines like these", self.name());
            writer.skipped(self.skipped - REPORTED, &reason);
        }
    }

    /// Reads a few megabytes; true if there may be more.
    fn read_chunk(&mut self, writer: &mut EventWriter, is_last: bool) -> Result<bool, String> {
        let mut chunk = self.file.read(is_last).map_err(|error| error.to_string())?;
        if chunk.from_start {
            self.counter = 0;
        }
        if let Format::Csv(names) = &mut self.format {
            if chunk.from_start && !chunk.lines.is_empty() {
                *names = Some(header(&chunk.lines.remove(0))?);
            } else if names.is_none() && !chunk.lines.is_empty() {
                let first = self.file.first_line().map_err(|error| error.to_string())?;
                *names = first.as_deref().map(header).transpose()?;
            }
        }
        for line in &chunk.lines {
            let parsed = self.format.parse(line, self.source.step_name());
            let reported = parsed.and_then(|record| match record {
                Some(record) => self.report(record, writer),
                None => Ok(()),
            });
            if let Err(reason) = reported {
                let shown: String = line.chars().take(SHOWN).collect();
                self.skip(writer, &format!("{reason}: `{shown}`"));
            }
        }
        for _ in 0..chunk.too_long {
            self.skip(writer, "a line of more than 1 MiB");
        }
        Ok(chunk.more)
    }

    fn report(&mut self, record: Record, writer: &mut EventWriter) -> Result<(), String> {
        let Record { step, values } = record;
        self.last_step = step.or(self.last_step);
        if values.is_empty() {
            return Ok(());
        }
        let step = match (self.last_step, &self.source.step) {
            // A line without a step belongs to the last one.
            (Some(step), _) => Step::named(step),
            (None, Some(name)) => return Err(format!("no line has a step, `{name}`, so far")),
            (None, None) => {
                self.counter += 1;
                Step { number: self.counter, is_counted: true }
            }
        };
        let prefix = &self.source.prefix;
        let values = values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value));
        self.records += 1;
        let others = writer.values_of(&self.path, step, values.collect());
        for (metric, path) in others {
            let reason = format!(
                "`{metric}` is left out, which is read from `{}` as well; `prefix` gives it another name",
                path.display()
            );
            writer.skipped(1, &format!("{}: {reason}", self.name()));
        }
        Ok(())
    }

    fn skip(&mut self, writer: &mut EventWriter, reason: &str) {
        self.skipped += 1;
        if self.skipped <= REPORTED {
            writer.skipped(1, &format!("{}: {reason}", self.name()));
        }
    }

    fn name(&self) -> String {
        match self.source.kind {
            SourceKind::Stdout => "standard output".to_owned(),
            SourceKind::Stderr => "standard error".to_owned(),
            _ => format!("`{}`", self.path.display()),
        }
    }

    /// The file beside the missing one whose name is most like it, as a question; may be empty.
    fn similar_file(&self) -> String {
        let entries = self.path.parent().and_then(|folder| fs::read_dir(folder).ok());
        let names: Vec<_> = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let missing = self.path.file_name().unwrap_or_default().to_string_lossy();
        let similar = nearest(&missing, names.iter().map(String::as_str));
        similar.map_or(String::new(), |name| format!("; did you mean `{name}`?"))
    }

    /// The reason for which there are no values; `None` if there are some, or it was reported.
    pub(super) fn found_nothing(&self) -> Option<String> {
        if self.records + self.skipped > 0 || self.unreadable.is_some() {
            return None;
        }
        Some(match self.source.kind {
            SourceKind::Stdout | SourceKind::Stderr => {
                format!("no line of {} matches `{}`", self.name(), self.source.text)
            }
            _ if self.path.exists() => format!("the attempt wrote no values to {}", self.name()),
            _ => format!("there is no file {}{}", self.name(), self.similar_file()),
        })
    }
}
