//! The section `worker`: the program that runs trials.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::schema::resources::Span;

/// The program that runs trials; any program that appends JSON lines will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Program and arguments of one attempt.
    pub command: Vec<String>,
    /// Program and arguments that check configs and fill in defaults ([`crate::protocol::check`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Vec<String>>,
    /// The files and folders that are its code; found by the command if absent, and if empty the code is
    /// not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Vec<PathBuf>>,
    /// Files and folders that are code besides those, for example ones that git ignores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<PathBuf>,
    /// True if attempts run from a copy of the code, made when the run is submitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// Time for a checkpoint after the request to stop.
    #[serde(default = "thirty_seconds")]
    pub grace: Span,
}

impl Default for Worker {
    /// No program at all.
    fn default() -> Self {
        Self {
            command: Vec::new(),
            check: None,
            code: None,
            include: Vec::new(),
            snapshot: false,
            grace: thirty_seconds(),
        }
    }
}

fn thirty_seconds() -> Span {
    Span(Duration::from_secs(30))
}
