//! An experiment file's text with the place of every key, so that any later finding, the worker's
//! too, can say `path:line:column`.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::parse::{self, YamlError};
use super::pointer::{escape, pointer_of};
use super::positions::{self, Places};
use super::suggest::nearest;

/// No experiment file is larger than this.
const MAX_BYTES: u64 = 4 << 20;

/// What is longer is cut in messages.
const LONG: usize = 1_000;

/// Findings that are shown at most.
const MANY: usize = 20;

/// Text, value and places of one YAML file.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    /// The text as read.
    pub text: String,
    /// The text as plain values.
    pub value: Value,
    places: Places,
}

/// What is wrong with an experiment file: one or more findings, each with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The findings, never empty.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong, where, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `path:line:column`, or what else says where (`--set …`).
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// This finding alone as an error.
    pub fn into_error(self) -> FileError {
        FileError { findings: vec![self] }
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", cut(&self.place), cut(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {}", cut(hint))?;
        }
        Ok(())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, finding) in self.findings.iter().take(MANY).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        match self.findings.len().saturating_sub(MANY) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Source {
    /// Reads the file at `path`, which somebody wrote.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bytes(path).map_err(|(message, hint)| {
            let place = path.display().to_string();
            Finding { place, message, hint: None }.hint(hint).into_error()
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            let place = format!("{}:{line}", path.display());
            let message = "this is no text in UTF-8".to_owned();
            Finding { place, message, hint: None }.hint(Some("save it as UTF-8")).into_error()
        })?;
        Self::parse(path, text)
    }

    /// Takes `text`, which somebody wrote, as the content of `path`, which is only named in messages.
    pub fn parse(path: &Path, text: String) -> Result<Self, FileError> {
        let mut source = Self::new(path, text);
        source.places = positions::read(&source.text).map_err(|e| source.wrong(e))?;
        source.value = parse::parse(&source.text).map_err(|e| source.wrong(e))?;
        Ok(source)
    }

    /// Reads the file at `path`, which this program wrote: of whatever size, and without places.
    pub fn read_record(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path).map_err(|error| {
            let (message, _) = unreadable(&error);
            Finding { place: path.display().to_string(), message, hint: None }.into_error()
        })?;
        let mut source = Self::new(path, text);
        source.value = parse::parse(&source.text).map_err(|e| source.wrong(e))?;
        Ok(source)
    }

    fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text, value: Value::Null, places: Places::new() }
    }

    /// What is wrong with the text, at its place.
    fn wrong(&self, error: YamlError) -> FileError {
        let finding = match error.place {
            Some((line, column)) => {
                let place = format!("{}:{line}:{column}", self.path.display());
                Finding { place, message: error.message, hint: None }
            }
            None => self.finding(&error.pointer, error.message),
        };
        finding.hint(error.hint).into_error()
    }

    /// A finding at a JSON pointer into the file, or at its nearest written ancestor.
    pub fn finding(&self, pointer: &str, message: impl Into<String>) -> Finding {
        let path = self.path.display();
        let place = match self.place(pointer) {
            Some((line, column)) => format!("{path}:{line}:{column}"),
            None => path.to_string(),
        };
        Finding { place, message: message.into(), hint: None }
    }

    /// What is to be found at `pointer` is written at another one, or at its nearest ancestor.
    pub(crate) fn stands_at(&mut self, pointer: String, written: &str) {
        if let Some(place) = self.place(written) {
            self.places.insert(pointer, place);
        }
    }

    fn place(&self, pointer: &str) -> Option<(usize, usize)> {
        let mut at = pointer;
        loop {
            if let Some(place) = self.places.get(at) {
                return Some(*place);
            }
            at = &at[..at.rfind('/')?];
        }
    }

    /// Reads the whole value as `T`; the error names the place of the offending key.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        serde_path_to_error::deserialize(&self.value).map_err(|e| {
            let message = e.inner().to_string();
            let mut pointer = pointer_of(e.path());
            let unknown = quoted(&message, "unknown field `");
            if let Some(field) = unknown
                && !pointer.ends_with(&format!("/{field}"))
            {
                pointer = format!("{pointer}/{}", escape(field));
            }
            let hint = unknown.or(quoted(&message, "unknown variant `")).and_then(|word| {
                let known = message.split('`').skip(3).step_by(2);
                nearest(word, known).map(|known| format!("did you mean `{known}`?"))
            });
            self.finding(&pointer, message).hint(hint).into_error()
        })
    }
}

/// The word between `prefix` and the next backtick, if `message` starts with `prefix`.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split('`').next()
}

/// The bytes of an experiment file, or what is wrong with it and what to do.
fn read_bytes(path: &Path) -> Result<Vec<u8>, (String, Option<&'static str>)> {
    let found = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !found.is_file() {
        let what = if found.is_dir() { "a folder" } else { "no regular file" };
        return Err((format!("this is {what}"), Some("name the experiment's YAML file")));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err((message, Some(positions::TOO_LARGE)));
    }
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> (String, Option<&'static str>) {
    match error.kind() {
        std::io::ErrorKind::NotFound => ("there is no such file".to_owned(), None),
        _ => (format!("cannot read the file: {error}"), None),
    }
}

/// A text as it can be shown: not endless, and without what moves a terminal's cursor.
fn cut(text: &str) -> String {
    let show = |c: char| {
        if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() }
    };
    let shown: String = text.chars().take(LONG).map(show).collect();
    if text.chars().nth(LONG).is_some() { shown + " …" } else { shown }
}
