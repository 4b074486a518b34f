//! Errors in a YAML text, and their positions.

use std::fmt;

use super::pointer::escape;

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The text is not YAML, or has no JSON equivalent, or exceeds a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct YamlError {
    pub(crate) message: String,
    /// `None` if only the pointer is known.
    pub(crate) position: Option<Position>,
    /// JSON pointer to the value; empty if only the position is known.
    pub(crate) pointer: String,
    /// Advice.
    pub(crate) hint: Option<String>,
}

impl YamlError {
    /// An error at a position.
    pub(super) fn at(position: Position, message: impl Into<String>) -> Self {
        Self { position: Some(position), ..Self::new(message) }
    }

    /// An error of a value whose position is not known.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None, pointer: String::new(), hint: None }
    }

    /// Adds advice.
    pub(super) fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    /// The same error, seen from the parent that has the value under `key`.
    pub(super) fn below(mut self, key: &str) -> Self {
        self.pointer = format!("/{}{}", escape(key), self.pointer);
        self
    }
}
