//! A training step as the file names it: a number, or a share of the trial's last step.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A training step, written `2000` or `10%`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum StepSelector {
    /// Counted in optimiser steps.
    Step(u64),
    /// Share of the last recorded step, from 0 to 1.
    Share(f64),
}

impl JsonSchema for StepSelector {
    fn schema_name() -> Cow<'static, str> {
        "StepSelector".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A training step, or a share of the last one such as `10%`.",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\d+$|^\d+(\.\d*)? *%$"}
            ]
        })
    }
}

/// Text that is not a training step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a training step: write a number, or a share of the last step, `10%`")]
pub struct StepSelectorError {
    text: String,
}

impl FromStr for StepSelector {
    type Err = StepSelectorError;

    fn from_str(text: &str) -> Result<Self, StepSelectorError> {
        let selector = match text.strip_suffix('%') {
            None => text.parse().ok().map(Self::Step),
            Some(percent) => {
                let share = percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0);
                share.filter(|share| (0.0..=1.0).contains(share)).map(Self::Share)
            }
        };
        selector.ok_or_else(|| StepSelectorError { text: text.to_owned() })
    }
}

impl TryFrom<Value> for StepSelector {
    type Error = StepSelectorError;

    fn try_from(value: Value) -> Result<Self, StepSelectorError> {
        match value {
            Value::String(text) => text.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<StepSelector> for Value {
    fn from(step: StepSelector) -> Self {
        match step {
            StepSelector::Step(step) => step.into(),
            StepSelector::Share(share) => format!("{}%", share * 100.0).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_step_or_a_share_and_survives_a_round_trip() {
        for (text, selector) in [
            ("2000", StepSelector::Step(2000)),
            ("\"2000\"", StepSelector::Step(2000)),
            ("\"10%\"", StepSelector::Share(0.1)),
            ("\"68.75%\"", StepSelector::Share(0.6875)),
        ] {
            let read: StepSelector = serde_json::from_str(text).unwrap();
            assert_eq!(read, selector);
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(
                serde_json::from_str::<StepSelector>(&written).unwrap(),
                selector,
                "{written}"
            );
        }
        for text in ["-1", "1.5", "\"101%\"", "\"ten\"", "null"] {
            let error = serde_json::from_str::<StepSelector>(text).unwrap_err();
            assert!(error.to_string().contains("is not a training step"), "{error}");
        }
    }
}
