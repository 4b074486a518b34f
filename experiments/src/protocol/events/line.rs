//! A line of `events.jsonl` as text: parsed, and written.

use super::{Event, limits};

/// One line of `events.jsonl`: an event and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Seconds since the Unix epoch, by the writer's clock; absent if the writer has none.
    pub time: Option<f64>,
    /// What happened.
    pub event: Event,
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::protocol::number::Number;

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
