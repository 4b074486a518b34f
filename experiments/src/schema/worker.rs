//! The section `worker`: the program that runs trials.

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
    /// Time for a checkpoint after the request to stop.
    #[serde(default = "thirty_seconds")]
    pub grace: Span,
}

fn thirty_seconds() -> Span {
    Span(Duration::from_secs(30))
}
