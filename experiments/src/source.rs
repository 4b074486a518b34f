//! An experiment file's text with the place of every key, so that any later finding, the worker's
//! too, can say `path:line:column`.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::yaml;

/// Text, value and places of one YAML file.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    /// The text as read.
    pub text: String,
    /// The text as plain values.
    pub value: Value,
    /// JSON pointer to line and column, both from 1.
    places: HashMap<String, (usize, usize)>,
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
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, finding) in self.findings.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl Source {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let place = path.display().to_string();
            let message = match e.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => format!("cannot read the file: {e}"),
            };
            Finding { place, message, hint: None }.into_error()
        })?;
        Self::parse(path, text)
    }

    /// Takes `text` as the content of `path`, which is only named in messages.
    pub fn parse(path: &Path, text: String) -> Result<Self, FileError> {
        let value = yaml::parse(&text).map_err(|e| {
            let place = match e.place {
                Some((line, column)) => format!("{}:{line}:{column}", path.display()),
                None => path.display().to_string(),
            };
            Finding { place, message: e.message, hint: None }.into_error()
        })?;
        let places = places(&text);
        Ok(Self { path: path.to_owned(), text, value, places })
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

/// The known word that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(word, known), known))
        .filter(|(similarity, _)| *similarity >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escape(key),
            Segment::Enum { variant } => escape(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&name);
    }
    pointer
}

/// A key as a JSON pointer segment (RFC 6901).
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Where each key and list item starts. An alias has a place, what it stands for does not.
fn places(text: &str) -> HashMap<String, (usize, usize)> {
    enum Open {
        Mapping { at: String, key: Option<String> },
        Sequence { at: String, next: usize },
    }
    let mut places = HashMap::new();
    let mut stack: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let start = (span.start.line(), span.start.col() + 1);
        if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
            stack.pop();
            continue;
        }
        let starts_node = matches!(
            event,
            Event::Scalar(..)
                | Event::Alias(_)
                | Event::MappingStart(..)
                | Event::SequenceStart(..)
        );
        if !starts_node {
            continue;
        }
        let at = match stack.last_mut() {
            None => String::new(),
            Some(Open::Sequence { at, next }) => {
                let pointer = format!("{at}/{next}");
                *next += 1;
                places.insert(pointer.clone(), start);
                pointer
            }
            Some(Open::Mapping { at, key }) => {
                if let Some(key) = key.take() {
                    format!("{at}/{key}")
                } else {
                    if let Event::Scalar(text, ..) = &event {
                        let name = escape(text);
                        places.insert(format!("{at}/{name}"), start);
                        *key = Some(name);
                    }
                    continue;
                }
            }
        };
        match event {
            Event::MappingStart(..) => stack.push(Open::Mapping { at, key: None }),
            Event::SequenceStart(..) => stack.push(Open::Sequence { at, next: 0 }),
            _ => {}
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_keys_and_items() {
        let text = "a:\n  b: {c: 1, d/e: 2}\nlist:\n  - x\n  - y: *z\n";
        let places = places(text);
        assert_eq!(places["/a"], (1, 1));
        assert_eq!(places["/a/b"], (2, 3));
        assert_eq!(places["/a/b/c"], (2, 7));
        assert_eq!(places["/a/b/d~1e"], (2, 13));
        assert_eq!(places["/list/0"], (4, 5));
        assert_eq!(places["/list/1/y"], (5, 5));
    }

    #[test]
    fn the_nearest_word_is_offered_and_nothing_far() {
        assert_eq!(nearest("lable", ["label", "set"]), Some("label"));
        assert_eq!(nearest("colour", ["label", "set"]), None);
    }
}
