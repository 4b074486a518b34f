//! Programs that are told what happens in a run: `notify` in the file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A program, and the events that it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Program and arguments; it reads one JSON object from its standard input. It runs in the file's folder.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// The events; all if absent.
    #[serde(default = "all")]
    pub on: Vec<NotifyEvent>,
}

/// An event of a run that people want to be told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyEvent {
    /// `orch run` has ended, however that was.
    Finish,
    /// The first trial has failed for good.
    Failure,
    /// A trial has stalled.
    Stall,
    /// `--until-resolved` has come to a verdict on a claim.
    Resolved,
}

impl NotifyEvent {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Failure => "failure",
            Self::Stall => "stall",
            Self::Resolved => "resolved",
        }
    }
}

fn all() -> Vec<NotifyEvent> {
    vec![NotifyEvent::Finish, NotifyEvent::Failure, NotifyEvent::Stall, NotifyEvent::Resolved]
}
