//! The forms in which a config is written as arguments of a program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of a key and its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ArgumentStyle {
    /// Two words, as `argparse` documents it; a list gives a word for each item.
    #[default]
    #[serde(rename = "--key value")]
    TwoWords,
    /// One word; a list repeats it for each item.
    #[serde(rename = "--key=value")]
    OneWord,
    /// An override of Hydra.
    #[serde(rename = "key=value")]
    Hydra,
}

/// The form of true and false, except in overrides of Hydra.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BooleanStyle {
    /// The key alone; nothing for false.
    #[default]
    #[serde(rename = "--key")]
    KeyOrNothing,
    /// The key alone; for false with `no-` before it.
    #[serde(rename = "--key/--no-key")]
    KeyOrNoKey,
    /// A value like any other.
    #[serde(rename = "--key true")]
    Value,
}
