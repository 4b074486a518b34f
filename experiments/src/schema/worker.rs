//! The section `worker`: the program that runs trials.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::arguments::{ArgumentStyle, BooleanStyle};
use crate::schema::metrics::{MetricSource, ResultRule};
use crate::schema::resources::Span;

/// The program that runs trials: it appends JSON lines, or `metrics` says where its values are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Program and arguments of one attempt, with templates such as `{lr}`, `{seed}` and `{args}`.
    #[schemars(extend("minItems" = 1))]
    pub command: Vec<String>,
    /// The form in which `{args}` writes the config.
    #[serde(default)]
    pub args: ArgumentStyle,
    /// The form in which `{args}` writes true and false.
    #[serde(default)]
    pub booleans: BooleanStyle,
    /// Program and arguments that check configs and fill in defaults, without templates.
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
    /// The working directory of `command` and `check`, with templates, relative to the folder of the
    /// experiment file; that folder if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Variables of the worker's environment, their values with templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Sources of metrics, for a program that appends no events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricSource>,
    /// The final values of a worker that reports none: with `metrics` the last ones if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRule>,
}

impl Worker {
    /// The rule for the final values of a worker that reports none; `None` if there is none.
    pub fn result_rule(&self) -> Option<ResultRule> {
        self.result.clone().or_else(|| (!self.metrics.is_empty()).then_some(ResultRule::Last))
    }
}

fn thirty_seconds() -> Span {
    Span(Duration::from_secs(30))
}
