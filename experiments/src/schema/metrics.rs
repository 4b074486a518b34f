//! The section `worker.metrics`: where the values of a program are that appends no events.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::better::Better;

/// Bytes of a compiled pattern.
const MAX_PATTERN: usize = 1 << 20;

/// The step's name in a line, unless the source has another.
const STEP: &str = "step";

/// One source of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct MetricSource {
    /// The kind of source.
    pub kind: SourceKind,
    /// A regular expression for output, else the path of a file or folder, with templates.
    pub text: String,
    /// The name of the step among the groups, keys or columns; `step` if `None`.
    pub step: Option<String>,
    /// Put before the name of every metric.
    pub prefix: String,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Lines of standard output.
    Stdout,
    /// Lines of standard error.
    Stderr,
    /// A file of JSON objects, one a line.
    Json,
    /// A file of comma-separated values, its header first.
    Csv,
    /// A folder of TensorBoard's event files.
    Tensorboard,
}

impl SourceKind {
    /// The key in the experiment file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Tensorboard => "tensorboard",
        }
    }
}

/// A source as written: exactly one of the kinds.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MetricSource", extend("oneOf" = [
    {"required": ["stdout"]}, {"required": ["stderr"]}, {"required": ["json"]},
    {"required": ["csv"]}, {"required": ["tensorboard"]}
]))]
struct Written {
    /// Regular expression for lines of standard output; a named group is a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    /// Regular expression for lines of standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    /// Path of a file of JSON objects, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    /// Path of a file of comma-separated values below a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    csv: Option<String>,
    /// Path of a folder in and below which event files appear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tensorboard: Option<String>,
    /// Name of the group, key or column that has the step; `step` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// Put before the name of each metric.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    prefix: String,
}

impl TryFrom<Written> for MetricSource {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { stdout, stderr, json, csv, tensorboard, step, prefix } = written;
        let kinds = [
            (SourceKind::Stdout, stdout),
            (SourceKind::Stderr, stderr),
            (SourceKind::Json, json),
            (SourceKind::Csv, csv),
            (SourceKind::Tensorboard, tensorboard),
        ];
        let mut given = kinds.into_iter().filter_map(|(kind, text)| Some((kind, text?)));
        match (given.next(), given.next()) {
            (Some((kind, text)), None) => Ok(Self { kind, text, step, prefix }),
            _ => Err("a source has one of `stdout`, `stderr`, `json`, `csv` and `tensorboard`; \
                      write each as an item of its own"),
        }
    }
}

impl From<MetricSource> for Written {
    fn from(source: MetricSource) -> Self {
        let MetricSource { kind, text, step, prefix } = source;
        let of = |this| (kind == this).then(|| text.clone());
        Self {
            stdout: of(SourceKind::Stdout),
            stderr: of(SourceKind::Stderr),
            json: of(SourceKind::Json),
            csv: of(SourceKind::Csv),
            tensorboard: of(SourceKind::Tensorboard),
            step,
            prefix,
        }
    }
}

impl MetricSource {
    /// The name of the step among the groups, keys or columns.
    pub fn step_name(&self) -> &str {
        self.step.as_deref().unwrap_or(STEP)
    }

    /// True if its lines name their steps, as far as that can be known beforehand.
    pub fn names_steps(&self) -> bool {
        match self.kind {
            SourceKind::Stdout | SourceKind::Stderr => self.pattern().is_ok_and(|pattern| {
                pattern.capture_names().flatten().any(|name| name == self.step_name())
            }),
            SourceKind::Json | SourceKind::Csv => self.step.is_some(),
            SourceKind::Tensorboard => true,
        }
    }

    /// True if `text` is a path.
    pub fn is_path(&self) -> bool {
        !matches!(self.kind, SourceKind::Stdout | SourceKind::Stderr)
    }

    /// The regular expression of output; the error says what is wrong with it.
    pub fn pattern(&self) -> Result<Regex, String> {
        let pattern = RegexBuilder::new(&self.text).size_limit(MAX_PATTERN).build();
        let pattern = pattern.map_err(|error| error.to_string())?;
        if self.groups(&pattern).next().is_none() {
            return Err("the pattern has no group that names a metric".to_owned());
        }
        Ok(pattern)
    }

    /// The names of the metrics that the lines of its pattern have; `None` if it is a path or no pattern.
    pub fn pattern_metrics(&self) -> Option<Vec<String>> {
        let pattern = self.pattern().ok().filter(|_| !self.is_path())?;
        Some(self.groups(&pattern).map(|name| format!("{}{name}", self.prefix)).collect())
    }

    /// The groups of its pattern that are metrics.
    fn groups<'a>(&self, pattern: &'a Regex) -> impl Iterator<Item = &'a str> {
        let step = self.step_name().to_owned();
        pattern.capture_names().flatten().filter(move |name| *name != step)
    }
}

/// The final values of a worker that reports none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResultRule {
    /// Every metric's value at its last step.
    Last,
    /// Every metric's last value up to the step at which one metric is best.
    Best(BestStep),
}

/// The step at which a metric is best; of equal ones the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BestStep {
    /// Its name.
    pub metric: String,
    /// Direction in which it improves.
    pub better: Better,
}
