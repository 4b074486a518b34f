//! The values that names stand for, of one attempt.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::arguments;
use super::template::{Piece, names, pieces};
use crate::expand::trial::ResolvedTrial;
use crate::schema::worker::Worker;

/// Name of the file with the trial's config alone, in the trial's folder: `{config}`.
pub const CONFIG_FILE: &str = "config.json";

/// The word that stands for all of the config.
pub(super) const ARGS: &str = "args";

/// The names that are not keys of the config.
pub(super) const WORDS: [&str; 11] = [
    ARGS,
    "artifacts",
    "attempt.dir",
    "checkpoints",
    "config",
    "cpus",
    "file.dir",
    "seed",
    "trial.dir",
    "trial.id",
    "variant",
];

/// The folders of one attempt, absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folders {
    /// The experiment file's.
    pub file: PathBuf,
    /// The trial's.
    pub trial: PathBuf,
    /// The attempt's, in the trial's.
    pub attempt: PathBuf,
    /// That of checkpoints.
    pub checkpoints: PathBuf,
    /// That of artifacts.
    pub artifacts: PathBuf,
}

/// The values of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The trial with its config.
    pub trial: &'a ResolvedTrial,
    /// CPU threads it may use.
    pub cpus: u32,
    /// Its folders.
    pub folders: &'a Folders,
}

impl Values<'_> {
    /// The worker's command, every name replaced. A name stands for text within one word, and `{args}`
    /// for a word, or two, per key that the command does not name.
    pub fn command(&self, worker: &Worker) -> Vec<String> {
        let mut words = Vec::new();
        for word in &worker.command {
            if pieces(word) == [Piece::Name(ARGS)] {
                let named: Vec<_> = worker.command.iter().flat_map(|word| names(word)).collect();
                let config = &self.trial.config;
                words.extend(arguments::of(config, &named, worker.args, worker.booleans));
            } else {
                words.push(self.fill(word));
            }
        }
        words
    }

    /// The worker's working directory.
    pub fn directory(&self, worker: &Worker) -> PathBuf {
        let below = worker.directory.as_deref().map(|directory| self.fill(directory));
        below.map_or(self.folders.file.clone(), |below| self.folders.file.join(below))
    }

    /// `text`, every name replaced. A name without a value, which is an error of the file, stays.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled += text,
                Piece::Name(name) => {
                    filled += &self.value(name).unwrap_or_else(|| format!("{{{name}}}"));
                }
            }
        }
        filled
    }

    /// The text of a name; `None` if it has none.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        Some(match name {
            "artifacts" => path(&self.folders.artifacts),
            "attempt.dir" => path(&self.folders.attempt),
            "checkpoints" => path(&self.folders.checkpoints),
            "config" => path(&self.folders.trial.join(CONFIG_FILE)),
            "cpus" => self.cpus.to_string(),
            "file.dir" => path(&self.folders.file),
            "seed" => self.trial.seed.to_string(),
            "trial.dir" => path(&self.folders.trial),
            "trial.id" => self.trial.id.0.clone(),
            "variant" => self.trial.variant.clone(),
            key => arguments::text(at(&self.trial.config, key)?),
        })
    }
}

/// The config's value at a dotted path.
pub(super) fn at<'a>(config: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let first = config.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}
