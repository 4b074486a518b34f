//! The experiment file as written: defaults absent, nothing resolved. [`crate::expand`] makes
//! trials of it.

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::schema::executor::{Executor, Slurm};
use crate::schema::grid::Grid;
use crate::schema::keep::Keep;
use crate::schema::report::Report;
use crate::schema::resources::{Resources, Span};

/// Version of the file format that this program reads.
pub const VERSION: u32 = 1;

/// Letters of a name, at most: with seed and hash, or with a profile's, it still makes a folder.
pub const MAX_NAME: usize = 100;

/// Whether an experiment, a variant, a profile or an output can have this name, which makes a folder.
pub fn makes_folder(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-')
}

/// One YAML file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// [`VERSION`].
    pub orch: u32,
    /// The experiment's name; its runs lie in `runs/<name>.<profile>/`.
    pub name: String,
    /// What it asks, for people.
    #[serde(default)]
    pub description: String,
    /// The program that carries trials out.
    pub worker: Worker,
    /// Config shared by all variants, in the worker's own vocabulary.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The table's rows, in its order; those of the grid come last.
    #[serde(default)]
    pub variants: IndexMap<String, Variant>,
    /// More variants, by the axes that they lie on.
    #[serde(default)]
    pub grid: Option<Grid>,
    /// Each variant is trained once per seed.
    pub seeds: Vec<u64>,
    /// Settings for different occasions; the first is the default.
    #[serde(default)]
    pub profiles: IndexMap<String, Profile>,
    /// What one attempt holds while it runs.
    #[serde(default)]
    pub resources: Resources,
    /// Where attempts run.
    #[serde(default)]
    pub executor: Executor,
    /// How they are submitted, where that is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// What happens after a failure.
    #[serde(default)]
    pub retry: Retry,
    /// What happens to an attempt of which nothing is heard.
    #[serde(default)]
    pub stall: Stall,
    /// What `orch gc` leaves; everything if absent.
    #[serde(default)]
    pub keep: Option<Keep>,
    /// The table and figures that come out.
    #[serde(default)]
    pub report: Report,
}

/// The program that carries trials out; any program that appends JSON lines will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Program and arguments of one attempt.
    pub command: Vec<String>,
    /// Program and arguments that check configs and fill in defaults ([`crate::protocol::check`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Vec<String>>,
    /// How long a worker that was asked to stop may take for its checkpoint.
    #[serde(default = "thirty_seconds")]
    pub grace: Span,
}

fn thirty_seconds() -> Span {
    Span(Duration::from_secs(30))
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The row's label; the variant's name if absent. No part of the trial's key.
    #[serde(default)]
    pub label: Option<String>,
    /// What differs from the shared config; keys may be dotted paths.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Seeds of this variant alone, for example one for a baseline without any randomness.
    #[serde(default)]
    pub seeds: Option<Vec<u64>>,
    /// Variants of higher priority start first. No part of the trial's key.
    #[serde(default)]
    pub priority: i64,
    /// How long a trial takes compared with those of other variants; of equal priority, the longest
    /// start first. No part of the trial's key.
    #[serde(default = "one")]
    pub cost: f64,
}

impl Default for Variant {
    fn default() -> Self {
        Self { label: None, set: Map::new(), seeds: None, priority: 0, cost: one() }
    }
}

fn one() -> f64 {
    1.0
}

/// Settings for an occasion: a demonstration, a small run, the paper's own scale.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it is for and what it takes, for people who choose a profile.
    #[serde(default)]
    pub description: String,
    /// Said below every table and figure made under this profile.
    #[serde(default)]
    pub caption: String,
    /// Overrides of the shared config.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Overrides of single variants.
    #[serde(default)]
    pub variants: IndexMap<String, ProfileVariant>,
    /// Replaces the file's seeds.
    #[serde(default)]
    pub seeds: Option<Vec<u64>>,
    /// Replaces the file's resources.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Replaces the file's executor.
    #[serde(default)]
    pub executor: Option<Executor>,
    /// Replaces the file's way to submit to Slurm.
    #[serde(default)]
    pub slurm: Option<Slurm>,
}

/// What a profile changes in one variant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileVariant {
    /// As [`Variant::set`], and stronger.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Replaces [`Variant::priority`].
    #[serde(default)]
    pub priority: Option<i64>,
    /// Replaces [`Variant::cost`].
    #[serde(default)]
    pub cost: Option<f64>,
}

/// What happens after a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all that may fail before the trial has failed.
    pub attempts: u32,
    /// Wait before the next attempt, doubled each time.
    pub backoff: Span,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, backoff: Span(Duration::from_secs(10)) }
    }
}

/// What happens to an attempt of which nothing is heard: no event, and nothing in its logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stall {
    /// How long a silence is too long.
    pub after: Span,
    /// What follows.
    pub then: AfterStall,
}

impl Default for Stall {
    fn default() -> Self {
        Self { after: Span(Duration::from_mins(30)), then: AfterStall::Flag }
    }
}

/// What follows too long a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterStall {
    /// It is shown, and nothing else.
    Flag,
    /// The attempt is stopped, and the trial goes on from its last checkpoint.
    Retry,
}
