//! A line of `events.jsonl` as text: parsed, and written.

use serde::Deserialize as _;
use serde_json::Value;

use super::{Event, MetricsLine, json, limits};
use crate::protocol::number::Number;
use crate::yaml::suggest::nearest;

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
    #[error("unknown event `{kind}`{}", did_you_mean(kind))]
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

const KINDS: [&str; 10] = [
    "hello",
    "code",
    "imports",
    "progress",
    "metrics",
    "checkpoint",
    "artifact",
    "result",
    "failed",
    "skipped",
];

impl From<MetricsLine<'_>> for Line {
    fn from(metrics: MetricsLine) -> Self {
        let (event, time) = metrics.into_event();
        Self { time, event }
    }
}

impl Line {
    /// Parses one line without its line feed. Values of metrics that are not numbers are left out.
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
        Self::parse_with_skipped(line).map(|(line, _)| line)
    }

    /// As [`Self::parse`], with a reason for each value that was left out.
    pub fn parse_with_skipped(line: &str) -> Result<(Self, Vec<String>), LineError> {
        match MetricsLine::parse(line) {
            Some(metrics) => Ok((metrics.into(), Vec::new())),
            None => Self::parse_any(line),
        }
    }

    /// The general way, for a line of any kind.
    pub(super) fn parse_any(line: &str) -> Result<(Self, Vec<String>), LineError> {
        let mut value = json::parse(line).map_err(|reason| LineError::Malformed { reason })?;
        let Some(kind) = value.get("event").and_then(Value::as_str) else {
            return Err(LineError::Malformed { reason: "no `event` field".to_owned() });
        };
        if !KINDS.contains(&kind) {
            return Err(LineError::UnknownKind { kind: kind.to_owned() });
        }
        let time = value.get("time").and_then(Value::as_f64).and_then(limits::time);
        let skipped = remove_what_is_no_number(&mut value);
        let mut event = serde_json::from_value(value)
            .map_err(|error| LineError::Malformed { reason: reason(&error, line) })?;
        limits::enforce(&mut event).map_err(|reason| LineError::OutOfLimits { reason })?;
        Ok((Self { time, event }, skipped))
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

/// Removes the values of metrics that are not numbers, with a reason for each.
fn remove_what_is_no_number(event: &mut Value) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(values) = event.get_mut("values").and_then(Value::as_object_mut) {
        values.retain(|metric, value| {
            let is_number = Number::deserialize(&*value).is_ok();
            if !is_number {
                reasons.push(format!("the value of `{metric}` is not a number: {value}"));
            }
            is_number
        });
    }
    reasons
}

/// The mistake in a line of a known kind; a field that looks like a missing one is named.
fn reason(error: &serde_json::Error, line: &str) -> String {
    let error = error.to_string();
    let event = json::parse(line).unwrap_or_default();
    let missing = error.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let fields = event.as_object().into_iter().flat_map(|event| event.keys());
    let fields = fields.map(String::as_str).filter(|field| !["event", "time"].contains(field));
    match missing.and_then(|missing| Some((missing, nearest(missing, fields)?))) {
        Some((missing, field)) => format!("{error}; should `{field}` be `{missing}`?"),
        None => error,
    }
}

fn did_you_mean(kind: &str) -> String {
    nearest(kind, KINDS).map_or(String::new(), |known| format!("; did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
        let unknown = |line| Line::parse(line).unwrap_err().to_string();
        let metric = unknown(r#"{"event":"metric","step":1,"values":{}}"#);
        assert_eq!(metric, "unknown event `metric`; did you mean `metrics`?");
        assert_eq!(unknown(r#"{"event":"sneeze"}"#), "unknown event `sneeze`");
        for garbage in ["", "Epoch 1", "{}", r#"{"event":"metrics"}"#, r#"{"event":"met"#] {
            assert!(matches!(Line::parse(garbage), Err(LineError::Malformed { .. })), "{garbage}");
        }
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let reason = |line| Line::parse(line).unwrap_err().to_string();
        assert_eq!(
            reason(r#"{"event":"metrics","step":1,"value":{"psnr":1}}"#),
            "not an event: missing field `values`; should `value` be `values`?"
        );
        assert_eq!(reason(r#"{"event":"result"}"#), "not an event: missing field `values`");
    }

    #[test]
    fn a_value_that_is_not_a_number_costs_only_itself() {
        let line =
            r#"{"event":"metrics","step":1,"values":{"a":1,"b":"0.5","c":true,"d":[2],"e":null}}"#;
        let (line, skipped) = Line::parse_with_skipped(line).unwrap();
        let Event::Metrics { values, .. } = line.event else { panic!("another event") };
        assert_eq!(values.keys().collect::<Vec<_>>(), ["a", "e"]);
        assert!(values["e"].0.is_nan());
        let [b, c, d] = &skipped[..] else { panic!("{skipped:?}") };
        assert_eq!(b, "the value of `b` is not a number: \"0.5\"");
        assert!(c.ends_with("`c` is not a number: true") && d.ends_with("a number: [2]"));
    }
}
