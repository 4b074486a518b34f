//! A line of `events.jsonl` as text: parsed, and written.

use serde_json::Value;

use super::{Event, limits};

/// One line of `events.jsonl`: an event and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Seconds since the Unix epoch, by the writer's clock; absent if the writer has none.
    pub time: Option<f64>,
    /// The event itself.
    pub event: Event,
}

/// A line that is not an event of this version.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// A JSON object whose `event` this version does not know: a newer writer's, or a typo.
    #[error("unknown event kind `{kind}`")]
    UnknownKind {
        /// The `event` field.
        kind: String,
    },
    /// Not an event at all.
    #[error("not an event: {reason}")]
    Malformed {
        /// The first mistake.
        reason: String,
    },
    /// An event that exceeds a limit.
    #[error("{reason}")]
    OutOfLimits {
        /// The limit, and what exceeds it.
        reason: String,
    },
}

const KINDS: [&str; 8] =
    ["hello", "progress", "metrics", "checkpoint", "artifact", "result", "failed", "skipped"];

impl Line {
    /// Parses one line without its line feed.
    ///
    /// ```
    /// use experiments::protocol::events::{Event, Line, LineError};
    ///
    /// let line = Line::parse(r#"{"event": "result", "values": {"psnr": 23.1}}"#)?;
    /// let Event::Result { values } = line.event else { panic!("another event") };
    /// assert_eq!(values["psnr"].0, 23.1);
    ///
    /// let error = Line::parse("Epoch 1 of 10").unwrap_err();
    /// assert!(matches!(error, LineError::Malformed { .. }));
    /// # Ok::<(), LineError>(())
    /// ```
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let value: Value = serde_json::from_str(line).map_err(|error| {
            // The number of the line is the reader's to say.
            let reason = error.to_string().replace(" at line 1 column ", " at column ");
            LineError::Malformed { reason }
        })?;
        let Some(kind) = value.get("event").and_then(Value::as_str) else {
            return Err(LineError::Malformed { reason: "no `event` field".to_owned() });
        };
        if !KINDS.contains(&kind) {
            return Err(LineError::UnknownKind { kind: kind.to_owned() });
        }
        let time = value.get("time").and_then(Value::as_f64).and_then(limits::time);
        let mut event = serde_json::from_value(value)
            .map_err(|error| LineError::Malformed { reason: error.to_string() })?;
        limits::enforce(&mut event).map_err(|reason| LineError::OutOfLimits { reason })?;
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
    fn a_line_written_by_hand_is_parsed() {
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
    fn unknown_kinds_are_distinguished_from_garbage() {
        assert!(matches!(
            Line::parse(r#"{"event":"sneeze"}"#),
            Err(LineError::UnknownKind { kind }) if kind == "sneeze"
        ));
        for garbage in ["", "Epoch 1", "{}", r#"{"event":"metrics"}"#, r#"{"event":"met"#] {
            assert!(matches!(Line::parse(garbage), Err(LineError::Malformed { .. })), "{garbage}");
        }
    }
}
