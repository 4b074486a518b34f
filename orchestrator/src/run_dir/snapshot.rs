//! `resolved.yaml` in the run's folder: the run as resolved by its newest `orch run`. Beside it is
//! `experiment.yaml`, the file as it was written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiments::expand::{ResolvedTrial, RunConfig};
use experiments::schema::report::Report;
use experiments::yaml::source::Finding;
use experiments::yaml::{parse, source};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::atomic_file::{self, FileError};
use crate::platform::file_seal::FileSeal;
use crate::platform::hash::sha256;
use crate::platform::shell::quoted;

/// Version of this format. Raise it when an old reader would misunderstand a new writer.
pub(crate) const VERSION: u32 = 1;

/// Name of the experiment file's copy in the run's folder.
pub(super) const EXPERIMENT_FILE: &str = "experiment.yaml";

/// Name of the snapshot's file in the run's folder.
pub(super) const RESOLVED_FILE: &str = "resolved.yaml";

/// A run as resolved by its newest `orch run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSnapshot {
    /// [`VERSION`] of the writer.
    pub(crate) version: u32,
    /// The command line, word by word; empty in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) command: Vec<String>,
    /// Absolute path of the experiment file, from whose folder its relative paths count. Of the copy
    /// that a run keeps, the path of the original. `None` if the run was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// SHA-256 of the experiment file.
    pub(crate) file_hash: String,
    /// The variants that `--only` named; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<String>,
    /// True if it adds seeds until its claims are resolved, by `--until-resolved`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) until_resolved: bool,
    /// The settings under its profile.
    pub(crate) run: RunConfig,
    /// Every trial with its config; none where only the settings were read.
    #[serde(skip)]
    pub(crate) trials: Vec<Arc<ResolvedTrial>>,
}

/// The line before the trials. They are most of the file, and a line of JSON each, which is YAML and is read
/// twenty times as fast.
const TRIALS: &str = "trials:\n";

impl RunSnapshot {
    /// The profile's caption `of_profile`, and the settings by which the run differs from it.
    pub(crate) fn with_set(&self, of_profile: &str) -> String {
        if self.run.set.is_empty() {
            return of_profile.to_owned();
        }
        format!("{of_profile} Run with --set {}.", self.run.set.join(", ")).trim_start().to_owned()
    }

    /// The command that continues the run, quoted for a shell.
    pub(crate) fn command_line(&self) -> String {
        if self.command.is_empty() {
            // Recorded by a version without this field.
            return "orch run FILE".to_owned();
        }
        self.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    /// The experiment file, if it is still there and is not as it was run any more.
    pub(crate) fn changed_file(&self) -> Option<&Path> {
        let file = self.file.as_deref()?;
        let now = FileSeal::of(file).ok().flatten()?;
        (now.sha256 != self.file_hash).then_some(file)
    }

    /// The settings beside `file`, if that is the copy of an experiment file that a run keeps; `None`
    /// for any other file.
    pub(crate) fn of_copy(file: &Path) -> Result<Option<Self>, source::FileError> {
        let resolved = file.with_file_name(RESOLVED_FILE);
        let is_copy = file.file_name().is_some_and(|name| name == EXPERIMENT_FILE);
        if is_copy && resolved.is_file() {
            Self::read_settings(&resolved).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, source::FileError> {
        let text = source::read_record(path)?;
        let (settings, trials) = split(path, &text)?;
        let mut snapshot = Self::parse_settings(path, settings)?;
        let first = settings.lines().count() + 2;
        let trials = (first..).zip(trials.lines()).map(|(number, line)| {
            serde_json::from_str(line.trim_start_matches("- ")).map(Arc::new).map_err(|error| {
                let position = format!("{}:{number}", path.display());
                Finding::new(position, format!("this is not a trial: {error}")).into_error()
            })
        });
        snapshot.trials = trials.collect::<Result<_, _>>()?;
        Ok(snapshot)
    }

    /// Reads the file at `path` without its trials.
    pub(crate) fn read_settings(path: &Path) -> Result<Self, source::FileError> {
        let text = source::read_record(path)?;
        Self::parse_settings(path, split(path, &text)?.0)
    }

    fn parse_settings(path: &Path, text: &str) -> Result<Self, source::FileError> {
        let source = source::Source::parse_record(path, text.to_owned())?;
        let version = source.value.get("version").and_then(Value::as_u64).unwrap_or(0);
        if version != u64::from(VERSION) {
            let message = format!(
                "this has version {version} of the format, and this `orch` reads version {VERSION}"
            );
            let hint = "use the `orch` that wrote it, or run the experiment's file again";
            return Err(source.finding("/version", message).hint(Some(hint)).into_error());
        }
        source.decode()
    }

    /// Writes the file at `path`, whole or not at all, and returns the SHA-256 of its content.
    pub(crate) fn write(&self, path: &Path) -> Result<String, FileError> {
        let text = self.text();
        atomic_file::write(path, text.as_bytes())?;
        Ok(sha256(text))
    }

    /// The file's content.
    fn text(&self) -> String {
        let mut text = parse::to_string(self) + TRIALS;
        for trial in &self.trials {
            text.extend(["- ", &to_json(trial), "\n"]);
        }
        text
    }
}

/// A trial as JSON that is YAML, too: with escapes for what YAML takes for the end of a line, or forbids.
fn to_json(trial: &ResolvedTrial) -> String {
    let json = serde_json::to_string(trial).expect("trials are plain data");
    let mut yaml = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(yaml, "\\u{:04x}", u32::from(character));
            }
            _ => yaml.push(character),
        }
    }
    yaml
}

/// The settings and the trials in the text of the file at `path`.
fn split<'a>(path: &Path, text: &'a str) -> Result<(&'a str, &'a str), source::FileError> {
    // At the beginning of a line there are only the names of fields.
    let start = text.find(&format!("\n{TRIALS}")).map(|end| end + 1).ok_or_else(|| {
        Finding::new(path.display().to_string(), "this has no `trials`").into_error()
    })?;
    Ok((&text[..start], &text[start + TRIALS.len()..]))
}

/// The metric to show beside a trial's progress, that of the first curve; `None` without curves.
pub(crate) fn headline(report: &Report) -> Option<&str> {
    report.figures.iter().find_map(|figure| match figure {
        experiments::schema::report::Figure::Curve(curve) => Some(curve.metric.as_str()),
        _ => None,
    })
}

/// Digits after the point of `metric` in the report's table; `None` where it does not say, or shows the
/// metric in another unit.
pub(crate) fn decimals(report: &Report, metric: &str) -> Option<usize> {
    let columns = report.table.iter().flat_map(|table| &table.columns);
    let mut columns = columns
        .filter(|column| column.metric == metric && (column.scale - 1.0).abs() < f64::EPSILON);
    columns.find_map(|column| column.decimals)
}

#[cfg(test)]
mod tests {
    use experiments::expand::Weight;
    use experiments::protocol::trial_id::TrialId;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn a_line_of_a_trial_is_json_and_yaml(
            key in any::<String>(),
            text in any::<String>(),
            number in any::<f64>(),
            special in prop::sample::select(vec!["\u{85}", "a\u{2028}b", "\u{feff}", "\u{7f}", "\n", "- ", "#"]),
        ) {
            let config = json!({ key: text, "number": number, "special": [special, null, true] });
            let trial = ResolvedTrial {
                id: TrialId("a-s0-00000000".to_owned()),
                weight: Weight::default(),
                key: String::new(),
                variant: special.to_owned(),
                seed: u64::MAX,
                config: config.as_object().unwrap().clone(),
                build: None,
                data: None,
            };
            let line = to_json(&trial);
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(&serde_json::from_str::<ResolvedTrial>(&line).unwrap(), &trial);
            let yaml = source::Source::parse_record(Path::new(""), format!("- {line}\n")).unwrap();
            prop_assert_eq!(yaml.value, json!([trial]));
        }
    }
}
