//! The experiment file as written: defaults absent, nothing resolved. [`crate::expand`] turns it
//! into trials.

use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::schema::executor::{Executor, Slurm};
use crate::schema::file_name::FILE_NAME;
use crate::schema::grid::Grid;
use crate::schema::keep::Keep;
use crate::schema::notify::Notify;
use crate::schema::report::Report;
use crate::schema::resources::{Resources, Span};
use crate::schema::seeds;
use crate::schema::system::System;
use crate::schema::worker::Worker;

/// Version of the file format that this program reads.
pub const VERSION: u32 = 1;

/// Letters of a name: with a seed and a hash, or a profile's name, it still names a folder.
pub(crate) const MAX_NAME: usize = 100;

/// True if an experiment, a variant, a profile, a table or a figure can have this name: each names a
/// file or a folder, on any file system and without quotes in a shell.
pub fn is_file_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// One YAML file.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Version of the format: 1.
    #[schemars(extend("const" = VERSION))]
    pub orch: u32,
    /// The experiment's name; its runs are in `runs/<name>.<profile>/`.
    #[schemars(regex(pattern = FILE_NAME))]
    pub name: String,
    /// The question it answers, for people.
    #[serde(default)]
    pub description: String,
    /// The program that runs trials.
    pub worker: Worker,
    /// Warnings about the file are errors.
    #[serde(default)]
    pub strict: bool,
    /// Config shared by all variants, in the worker's own vocabulary.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The table's rows, in its order; those of the grid come last.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": FILE_NAME}))]
    pub variants: IndexMap<String, Variant>,
    /// More variants, as combinations of values.
    #[serde(default)]
    pub grid: Option<Grid>,
    /// Each variant is trained once per seed.
    #[serde(deserialize_with = "seeds::list")]
    #[schemars(schema_with = "seeds::schema")]
    pub seeds: Vec<u64>,
    /// Settings for different occasions; the first is the default.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": FILE_NAME}))]
    pub profiles: IndexMap<String, Profile>,
    /// Resources of one attempt.
    #[serde(default)]
    pub resources: Resources,
    /// The executor of attempts.
    #[serde(default)]
    pub executor: Executor,
    /// Settings of submission, used where the executor is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// The policy after a failure.
    #[serde(default)]
    pub retry: Retry,
    /// The policy for an attempt that stalls.
    #[serde(default)]
    pub stall: Stall,
    /// The interval between samples of CPU, memory and GPUs.
    #[serde(default)]
    pub system: System,
    /// The checkpoints that `orch gc` keeps; all of them if absent.
    #[serde(default)]
    pub keep: Option<Keep>,
    /// Programs that are told what happens in a run.
    #[serde(default)]
    pub notify: Vec<Notify>,
    /// The table, figures and claims of `orch report`.
    #[serde(default)]
    pub report: Report,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The row's label; the variant's name if absent. Not part of the trial's key.
    #[serde(default)]
    pub label: Option<String>,
    /// Differences from the shared config; keys may be dotted paths.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Seeds of this variant alone.
    #[serde(default, deserialize_with = "seeds::optional")]
    #[schemars(schema_with = "seeds::schema")]
    pub seeds: Option<Vec<u64>>,
    /// Its results do not depend on the seed: it runs once, with the first of the seeds, and is compared
    /// with every seed of the others. Excludes `seeds`. Not part of the trial's key.
    #[serde(default)]
    pub deterministic: bool,
    /// Variants of higher priority start first. Not part of the trial's key.
    #[serde(default)]
    pub priority: i64,
    /// Duration of a trial relative to those of other variants; of equal priority, the longest
    /// start first. Not part of the trial's key.
    #[serde(default = "one")]
    pub cost: f64,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            label: None,
            set: Map::new(),
            seeds: None,
            deterministic: false,
            priority: 0,
            cost: one(),
        }
    }
}

fn one() -> f64 {
    1.0
}

/// Settings for an occasion: a demonstration, a small run, the paper's own scale.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Purpose and cost, for people who choose a profile.
    #[serde(default)]
    pub description: String,
    /// Text below every table and figure made under this profile.
    #[serde(default)]
    pub caption: String,
    /// Overrides of the shared config.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Overrides of single variants.
    #[serde(default)]
    pub variants: IndexMap<String, ProfileVariant>,
    /// Replaces the file's seeds.
    #[serde(default, deserialize_with = "seeds::optional")]
    #[schemars(schema_with = "seeds::schema")]
    pub seeds: Option<Vec<u64>>,
    /// Replaces the file's resources.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Replaces the file's executor.
    #[serde(default)]
    pub executor: Option<Executor>,
    /// Replaces the file's settings of submission to Slurm.
    #[serde(default)]
    pub slurm: Option<Slurm>,
}

/// A profile's overrides of one variant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileVariant {
    /// As [`Variant::set`], which it overrides.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Replaces [`Variant::priority`].
    #[serde(default)]
    pub priority: Option<i64>,
    /// Replaces [`Variant::cost`].
    #[serde(default)]
    pub cost: Option<f64>,
}

/// The policy after a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Failed attempts after which the trial has failed.
    pub attempts: u32,
    /// Wait before the next attempt, doubled each time.
    pub backoff: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: Span(Duration::from_secs(10)) }
    }
}

/// The policy for an attempt that stalls: no event, and nothing in its logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stall {
    /// Time without output after which an attempt is stalled.
    pub after: Span,
    /// The reaction to a stall.
    pub then: AfterStall,
}

impl Default for Stall {
    fn default() -> Self {
        Self { after: Span(Duration::from_mins(30)), then: AfterStall::Flag }
    }
}

/// The reaction to a stall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AfterStall {
    /// The stall is shown, and nothing else happens.
    Flag,
    /// The attempt is stopped, and the trial continues from its last checkpoint.
    Retry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name_everywhere() {
        for name in ["a", "table1", "sr3-500", "width-8-rate-0_5", "_", &"n".repeat(MAX_NAME)] {
            assert!(is_file_name(name), "{name}");
        }
        for name in
            ["", ".", "..", ".a", "a.b", "-a", "a/b", "a b", "ü", "a\n", &"n".repeat(MAX_NAME + 1)]
        {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
