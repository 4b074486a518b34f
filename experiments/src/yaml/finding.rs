//! Mistakes in a file, each with its position and advice.

use std::fmt::{self, Write};

use super::excerpt::Excerpt;
use super::printable::printable;

/// Findings of an error that are shown; the others are counted.
const MAX_FINDINGS: usize = 20;

/// An experiment file that cannot be used: one or more findings, each with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Never empty.
    pub findings: Vec<Finding>,
}

/// One mistake, its position, and advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `path:line:column`, or the argument of the command line (`--set …`).
    pub position: String,
    /// Lower case, without a full stop.
    pub message: String,
    /// Advice, shown on a line of its own.
    pub hint: Option<String>,
    /// The line of the file that it is about; `None` if no line is.
    pub excerpt: Option<Excerpt>,
}

impl Finding {
    /// A finding without advice.
    pub fn new(position: impl Into<String>, message: impl Into<String>) -> Self {
        Self { position: position.into(), message: message.into(), hint: None, excerpt: None }
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// The finding with the line of the file that it is about, and its position marked there.
    pub fn with_excerpt(&self) -> String {
        let Some(excerpt) = &self.excerpt else { return self.to_string() };
        let (position, message) = (printable(&self.position), printable(&self.message));
        let mut text = format!("{position}: {message}\n{excerpt}");
        if let Some(hint) = &self.hint {
            let margin = excerpt.margin();
            write!(text, "\n{margin} = hint: {}", printable(hint)).expect("a string has room");
        }
        text
    }

    /// This finding alone as an error.
    pub fn into_error(self) -> FileError {
        FileError { findings: vec![self] }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.position), printable(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl FileError {
    /// Every finding with its line of the file, with empty lines between them.
    pub fn with_excerpts(&self) -> String {
        let mut findings: Vec<_> =
            self.findings.iter().take(MAX_FINDINGS).map(Finding::with_excerpt).collect();
        let more = self.findings.len().saturating_sub(MAX_FINDINGS);
        findings.extend((more > 0).then(|| format!("and {more} more")));
        findings.join("\n\n")
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, finding) in self.findings.iter().take(MAX_FINDINGS).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        match self.findings.len().saturating_sub(MAX_FINDINGS) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
