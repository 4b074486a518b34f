//! All findings of a check, so that a user sees them at once.

use std::fmt::Display;

use super::names::UnknownName;
use crate::yaml::source::{FileError, Finding, Source};

/// Collects findings about one file.
pub(crate) struct Findings<'a> {
    source: &'a Source,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, found: Vec::new() }
    }

    /// Adds a finding without advice.
    pub(crate) fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.found.push(self.source.finding(pointer, message));
    }

    /// Adds a finding with advice.
    pub(crate) fn advise(&mut self, pointer: &str, message: impl Into<String>, hint: impl Display) {
        self.found.push(self.source.finding(pointer, message).hint(Some(hint.to_string())));
    }

    /// Adds a finding if the result is an error.
    pub(crate) fn check(&mut self, pointer: &str, result: Result<(), UnknownName>) {
        if let Err(error) = result {
            self.advise(pointer, error.to_string(), error.hint);
        }
    }

    /// `Ok` if nothing was found.
    pub(crate) fn into_result(self) -> Result<(), FileError> {
        if self.found.is_empty() { Ok(()) } else { Err(FileError { findings: self.found }) }
    }
}
