//! A training step as the file names it: a number, or a share of the way.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A place in the course of training, written `2000` or `10%`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum StepSelector {
    /// A step.
    Step(u64),
    /// A share of the way to the last step that was recorded, from 0 to 1.
    Share(f64),
}

/// Text that is no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no training step: write a number, or a share of the way, `10%`")]
pub struct StepSelectorError(String);

impl FromStr for StepSelector {
    type Err = StepSelectorError;

    fn from_str(text: &str) -> Result<Self, StepSelectorError> {
        let place = match text.strip_suffix('%') {
            None => text.parse().ok().map(Self::Step),
            Some(percent) => {
                let share = percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0);
                share.filter(|share| (0.0..=1.0).contains(share)).map(Self::Share)
            }
        };
        place.ok_or_else(|| StepSelectorError(text.to_owned()))
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
