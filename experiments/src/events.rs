//! Events: the lines that a worker appends to its attempt's `events.jsonl`, one JSON object each.
//!
//! The format is documented for writers in any language in `docs/events.md`. Readers ignore
//! unknown fields, count unknown kinds, and wait for a torn last line to be finished.

mod limits;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::number::Number;

pub use limits::{LONGEST_LINE, LONGEST_NAME, MOST_METRICS, is_below};

/// Version of the event format, sent in [`Event::Hello`]. Raise it when an old reader would
/// misunderstand a new writer; adding a field or a kind does not need it.
pub const PROTOCOL: u32 = 1;

/// One line of `events.jsonl`: an event and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Seconds since the Unix epoch, by the writer's clock; absent if the writer has none.
    pub time: Option<f64>,
    /// What happened.
    pub event: Event,
}

/// What a worker says. All kinds are persisted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First line of an attempt: who is speaking and where it goes on.
    Hello {
        /// [`PROTOCOL`] of the writer.
        protocol: u32,
        /// Name of the program.
        program: String,
        /// Identifies the program's build; trials of different builds are not mixed silently.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        build: Option<String>,
        /// What it computes on, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
        /// Step of the checkpoint that this attempt continues from. Earlier attempts' points
        /// beyond it are hidden from every view.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_from: Option<u64>,
        /// What the metrics mean, by name.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        metrics: BTreeMap<String, MetricInfo>,
    },
    /// How far the current phase has come. For people and schedulers, not for reports.
    Progress {
        /// What is being done, for example `train` or `evaluate`.
        phase: String,
        /// Units done.
        step: u64,
        /// Units in all.
        of: u64,
    },
    /// Values of metrics at a step; with `item`, of one item of a set (an image, a task).
    Metrics {
        /// Training step, counted in optimiser steps done.
        step: u64,
        /// Name of the item the values belong to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// Value by metric name.
        values: BTreeMap<String, Number>,
    },
    /// A checkpoint is complete on disk.
    Checkpoint {
        /// Training step it was taken at.
        step: u64,
        /// Path, relative to the trial's folder.
        path: String,
        /// Content hash, for example `sha256:…`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
    },
    /// A file worth keeping is complete on disk.
    Artifact {
        /// Sort of file; `image` is the one that figures can use.
        kind: String,
        /// What it shows, for example `sample`.
        name: String,
        /// Training step it belongs to.
        #[serde(default)]
        step: u64,
        /// Name of the item it shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// Path, relative to the trial's folder.
        path: String,
    },
    /// The trial's final values. A later one replaces an earlier one.
    Result {
        /// Value by metric name.
        values: BTreeMap<String, Number>,
    },
    /// The attempt cannot go on. The worker exits non-zero right after.
    Failed {
        /// One of `config`, `data`, `diverged`, `cuda-oom`, `infrastructure`, or the writer's own.
        class: String,
        /// What happened and what to do, for people.
        message: String,
    },
}

/// What a metric means; sent once in [`Event::Hello`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// How it is computed, in a sentence.
    pub description: String,
    /// Unit, for example `dB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A line that is not an event of this version.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// A JSON object whose `event` this version does not know: a newer writer's, or a typo.
    #[error("unknown event kind `{0}`")]
    UnknownKind(String),
    /// Not an event at all.
    #[error("not an event: {0}")]
    Malformed(String),
    /// An event that goes beyond what a worker may say.
    #[error("{0}")]
    Beyond(String),
}

const KINDS: [&str; 7] =
    ["hello", "progress", "metrics", "checkpoint", "artifact", "result", "failed"];

impl Line {
    /// Reads one line without its line feed.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let malformed = |e: &dyn std::fmt::Display| LineError::Malformed(e.to_string());
        let value: serde_json::Value = serde_json::from_str(line).map_err(|e| {
            // It is one line, whose number only the reader knows.
            malformed(&e.to_string().replace(" at line 1 column ", " at column "))
        })?;
        let kind = value.get("event").and_then(|k| k.as_str());
        let Some(kind) = kind else {
            return Err(malformed(&"no `event` field"));
        };
        if !KINDS.contains(&kind) {
            return Err(LineError::UnknownKind(kind.to_owned()));
        }
        let time = value.get("time").and_then(serde_json::Value::as_f64).and_then(limits::time);
        let mut event = serde_json::from_value(value).map_err(|e| malformed(&e))?;
        limits::keep(&mut event).map_err(LineError::Beyond)?;
        Ok(Self { time, event })
    }

    /// The line as JSON, without a line feed.
    pub fn to_json(&self) -> String {
        let mut value = serde_json::to_value(&self.event).expect("events are plain data");
        if let (Some(time), Some(object)) = (self.time, value.as_object_mut()) {
            object.insert("time".to_owned(), time.into());
        }
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_written_line_is_read() {
        let line = r#"{"event":"result","values":{"psnr":20,"loss":"NaN"},"more":1}"#;
        let Event::Result { values } = Line::parse(line).unwrap().event else {
            panic!("not a result");
        };
        assert_eq!(values["psnr"], Number(20.0));
        assert!(values["loss"].0.is_nan());
    }

    #[test]
    fn lines_survive_a_round_trip() {
        let event = Event::Metrics {
            step: 7,
            item: Some("003".to_owned()),
            values: BTreeMap::from([("psnr".to_owned(), Number(f64::INFINITY))]),
        };
        let line = Line { time: Some(1.5), event };
        assert_eq!(Line::parse(&line.to_json()).unwrap(), line);
    }

    #[test]
    fn unknown_kinds_are_told_from_garbage() {
        assert!(matches!(
            Line::parse(r#"{"event":"sneeze"}"#),
            Err(LineError::UnknownKind(k)) if k == "sneeze"
        ));
        for garbage in ["", "Epoch 1", "{}", r#"{"event":"metrics"}"#, r#"{"event":"met"#] {
            assert!(matches!(Line::parse(garbage), Err(LineError::Malformed(_))), "{garbage}");
        }
    }
}
