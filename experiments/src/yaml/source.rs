//! An experiment file's text with the position of every key, so that any later finding, the
//! worker's too, can say `path:line:column`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{Position, YamlError};
use super::excerpt::Excerpt;
pub use super::finding::{FileError, Finding};
use super::lookalike::AmbiguousText;
use super::parse;
use super::positions::{self, Scan};
use crate::regular_file;

/// Bytes of an experiment file.
const MAX_BYTES: u64 = 4 << 20;

/// Bytes of a record of this program; one of a hundred thousand trials has about 100 MB.
const MAX_RECORD: u64 = 1 << 30;

/// Text, value and positions of one YAML file.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    /// The text as read.
    pub text: String,
    /// The text as plain values.
    pub value: Value,
    scan: Scan,
    /// The index of every line's first byte, of a user's file.
    line_starts: Vec<usize>,
}

impl Source {
    /// Reads the file at `path`, which is a user's and may be anything.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let name = path.display();
        let mut bytes = regular_file::read(path, MAX_BYTES).map_err(|error| {
            let error = ReadError::from(error);
            Finding::new(name.to_string(), error.to_string()).hint(error.hint()).into_error()
        })?;
        // Some editors begin a file with a mark that it is UTF-8.
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            Finding::new(format!("{name}:{line}"), "this is not UTF-8 text")
                .hint(Some("save it as UTF-8"))
                .into_error()
        })?;
        Self::parse(path, text)
    }

    /// Parses a user's `text`; `path` is only named in messages.
    pub fn parse(path: &Path, text: String) -> Result<Self, FileError> {
        let mut source = Self::new(path, text);
        source.line_starts = std::iter::once(0)
            .chain(source.text.match_indices('\n').map(|(end, _)| end + 1))
            .collect();
        source.scan = positions::read(&source.text).map_err(|e| source.syntax_error(e))?;
        source.value = parse::parse(&source.text).map_err(|e| source.syntax_error(e))?;
        Ok(source)
    }

    /// Parses a record of this program, `text`: without positions. `path` is only named in messages.
    pub fn parse_record(path: &Path, text: String) -> Result<Self, FileError> {
        let mut source = Self::new(path, text);
        source.value = parse::parse(&source.text).map_err(|e| source.syntax_error(e))?;
        Ok(source)
    }

    fn new(path: &Path, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
            value: Value::Null,
            scan: Scan::default(),
            line_starts: Vec::new(),
        }
    }

    fn syntax_error(&self, error: YamlError) -> FileError {
        let finding = match error.position {
            Some(position) => self.finding_at(position, error.message),
            None => self.finding(&error.pointer, error.message),
        };
        finding.hint(error.hint).into_error()
    }

    /// The absolute path of the file's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
    }

    /// A finding at a JSON pointer into the file, or at its nearest written ancestor.
    pub fn finding(&self, pointer: &str, message: impl Into<String>) -> Finding {
        match self.position(pointer) {
            Some(position) => self.finding_at(position, message),
            None => Finding::new(self.path.display().to_string(), message),
        }
    }

    fn finding_at(&self, position: Position, message: impl Into<String>) -> Finding {
        let path = self.path.display();
        let start = self.line_starts.get(position.line.saturating_sub(1));
        let line = start.and_then(|start| self.text[*start..].lines().next());
        let excerpt = line.map(|line| Excerpt::new(position, line));
        Finding { excerpt, ..Finding::new(format!("{path}:{position}"), message) }
    }

    /// A finding for each plain scalar that is text and does not look like it, of those whose pointer
    /// is `selected`.
    pub(crate) fn lookalikes(&self, selected: impl Fn(&str) -> bool) -> Vec<Finding> {
        let ambiguous = self.scan.ambiguous.iter().filter(|text| selected(&text.pointer));
        let findings = ambiguous.map(|AmbiguousText { position, word, looks_like, .. }| {
            self.finding_at(*position, looks_like.message(word))
        });
        findings.collect()
    }

    /// Gives `pointer`, which is not in the text, the position of `target`.
    pub(crate) fn alias(&mut self, pointer: String, target: &str) {
        if let Some(position) = self.position(target) {
            self.scan.positions.insert(pointer, position);
        }
    }

    /// Gives everything at and below the pointer `corrected` the position of what is written at `written`.
    pub(crate) fn alias_all(&mut self, written: &str, corrected: &str) {
        let positions = &mut self.scan.positions;
        let below = positions.iter().filter_map(|(pointer, position)| {
            let rest = pointer.strip_prefix(written)?;
            let is_part = rest.is_empty() || rest.starts_with('/');
            is_part.then(|| (format!("{corrected}{rest}"), *position))
        });
        let below: Vec<_> = below.collect();
        positions.extend(below);
    }

    fn position(&self, pointer: &str) -> Option<Position> {
        let mut ancestor = pointer;
        loop {
            if let Some(position) = self.scan.positions.get(ancestor) {
                return Some(*position);
            }
            ancestor = &ancestor[..ancestor.rfind('/')?];
        }
    }
}

/// The text of a record of this program at `path`.
pub fn read_record(path: &Path) -> Result<String, FileError> {
    let bytes = regular_file::read(path, MAX_RECORD);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
    text.map_err(|error| {
        let error = ReadError::from(error);
        Finding::new(path.display().to_string(), error.to_string()).into_error()
    })
}

/// An experiment file whose bytes cannot be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("there is no such file")]
    Missing,
    /// A folder, a pipe, a device or a socket.
    #[error("{0}")]
    NotRegular(io::Error),
    #[error("{0}")]
    TooLarge(io::Error),
    #[error("cannot read the file: {0}")]
    Io(io::Error),
}

impl ReadError {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotRegular(_) => Some("name the experiment's YAML file"),
            Self::TooLarge(_) => Some(positions::TOO_LARGE),
            Self::Missing | Self::Io(_) => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::FileTooLarge => Self::TooLarge(error),
            io::ErrorKind::InvalidInput => Self::NotRegular(error),
            _ => Self::Io(error),
        }
    }
}
