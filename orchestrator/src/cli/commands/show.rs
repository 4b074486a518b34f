//! `orch show TRIAL [RUN]`: prints everything that is recorded of one trial.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use experiments::protocol::exit;
use experiments::protocol::trial::{FILE_NAME, Trial};
use serde_json::{Map, Value, json};

use super::error::Result;
use super::one_trial::OneTrial;
use super::output::{print, print_json};
use super::provenance::{RanWith, undamaged};
use super::system_use::{HEADING, SystemUse};
use crate::cli::args::{self, Global};
use crate::display::text::{columns, duration};
use crate::platform::clock;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::{self, AttemptStatus};
use crate::run_dir::rerun_script;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::system_samples;
use crate::run_dir::trial::file_of_trial;
use crate::store::{AttemptDetail, SkippedLines};

/// Everything that is recorded of one trial.
pub(super) struct TrialDetails {
    pub(super) one: OneTrial,
    /// The reason for its state; empty where the state is enough.
    pub(super) reason: String,
    pub(super) label: Option<String>,
    /// By dotted key, in written order.
    pub(super) config: Vec<(String, Value)>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) results: BTreeMap<String, f64>,
    pub(super) skipped_lines: Vec<SkippedLines>,
    files: Vec<(&'static str, PathBuf)>,
    /// Shell commands that repeat the last attempt without touching the run.
    pub(super) rerun: Vec<String>,
}

/// An attempt by its events and the files of its folder.
pub(crate) struct Attempt {
    pub(super) detail: AttemptDetail,
    /// The end or the present status, in a few words.
    pub(super) end: String,
    pub(super) ran_with: RanWith,
    pub(super) took: Option<Duration>,
    /// `None` if nothing was sampled.
    pub(super) system: Option<SystemUse>,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Show, global: &Global) -> Result<u8> {
    let details = TrialDetails::collect(OneTrial::find(&arguments.target, global).await?).await?;
    if arguments.json {
        print_json(&details.to_json())?;
    } else {
        print(&details.to_text())?;
    }
    Ok(exit::OK)
}

impl TrialDetails {
    /// Everything that is recorded of the trial.
    pub(super) async fn collect(mut one: OneTrial) -> Result<Self> {
        let trial = one.status.trial.clone();
        let folder = one.folder();
        let resolved = RunSnapshot::read(&one.dir.resolved())?;
        let reason = resolved.reason(&one.status, one.dir.is_supervised());
        let label = resolved.run.rows.iter().find(|row| row.name == trial.variant);
        let label = label.map(|row| row.label.clone());
        let planned = resolved.trials.into_iter().find(|planned| planned.id == trial.id);
        // The snapshot does not have the config of a retired trial, but the trial's folder does.
        let config = planned.map(|planned| Arc::unwrap_or_clone(planned).config);
        let config = config.or_else(|| Some(Trial::read(&folder.join(FILE_NAME)).ok()?.config));
        let mut attempts = Vec::new();
        for detail in one.store.attempts_of(&trial.id).await? {
            attempts.push(Attempt::new(&one.attempt(detail.number), detail)?);
        }
        let results = one.store.results().await?.remove(&trial.id).unwrap_or_default();
        let mut skipped_lines = one.store.skipped_lines().await?;
        skipped_lines.retain(|lines| lines.trial == trial.id);
        let last = attempts.last().map(|attempt| one.attempt(attempt.detail.number));
        let command = last.as_ref().map(AttemptDir::read_command);
        let command = command.map(undamaged).transpose()?.flatten();
        let absolute = std::path::absolute(&folder)?;
        Ok(Self {
            reason,
            label,
            config: dotted(config.unwrap_or_default()),
            results,
            skipped_lines,
            files: files(&folder, last.as_ref(), &attempts),
            rerun: command.map_or(Vec::new(), |c| rerun_script::lines(&c, &absolute)),
            attempts,
            one,
        })
    }

    fn to_text(&self) -> String {
        let status = &self.one.status;
        let trial = &status.trial;
        let mut lines =
            vec![format!("{} of {}: {}", trial.id, self.one.dir.name(), status.state())];
        lines.extend(Some(self.reason.clone()).filter(|reason| !reason.is_empty()));
        let label = self.label.as_ref().filter(|label| **label != trial.variant);
        let label = label.map_or(String::new(), |label| format!(" ({label})"));
        lines.push(String::new());
        lines.push(format!("variant {}{label}, seed {}", trial.variant, trial.seed));
        let ran_with = self.attempts.last().map(|attempt| attempt.ran_with.lines());
        let pair = |name: &str, value: String| [format!("  {name}"), value];
        let config = self.config.iter().map(|(key, value)| pair(key, in_yaml(value)));
        let results = self.results.iter().map(|(metric, value)| pair(metric, value.to_string()));
        let files = self.files.iter().map(|(what, path)| pair(what, path.display().to_string()));
        for (title, section) in [
            ("config", columns(&config.collect::<Vec<_>>())),
            ("attempts", columns(&self.attempt_rows())),
            ("use of the machine", columns(&self.system_rows())),
            ("the last attempt ran with", ran_with.unwrap_or_default()),
            ("final values", columns(&results.collect::<Vec<_>>())),
            ("skipped lines and values", columns(&self.skipped_line_rows())),
            ("files", columns(&files.collect::<Vec<_>>())),
            (
                "to rerun it manually (without the second line: from the beginning)",
                self.rerun.iter().map(|line| format!("  {line}")).collect(),
            ),
        ] {
            if !section.is_empty() {
                lines.extend([String::new(), title.to_owned()]);
                lines.extend(section);
            }
        }
        lines.join("\n") + "\n"
    }

    /// The table of attempts with its heading; empty if no attempt was started.
    fn attempt_rows(&self) -> Vec<[String; 9]> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        let heading =
            ["", "end", "started", "took", "host", "device", "build", "from step", "checkpoints"];
        let mut rows = vec![heading.map(str::to_owned)];
        rows.extend(self.attempts.iter().map(|attempt| {
            let detail = &attempt.detail;
            let kept = detail.kept().count();
            let last = detail.kept().next_back();
            let last = last.map_or(String::new(), |(step, _)| format!(", last at {step}"));
            let removed = match detail.checkpoints.len() - kept {
                0 => String::new(),
                n => format!(", {n} removed"),
            };
            [
                format!("  {}", detail.number),
                attempt.end.clone(),
                clock::to_rfc3339(detail.started_ms),
                attempt.took.map_or(String::new(), duration),
                attempt.ran_with.host().unwrap_or_default().to_owned(),
                detail.device.clone().unwrap_or_default(),
                detail.build.clone().unwrap_or_default(),
                detail.resumed_from.map_or(String::new(), |step| step.to_string()),
                format!("{kept}{last}{removed}"),
            ]
        }));
        rows
    }

    /// The use of the machine by each attempt, with its heading; empty if nothing was sampled.
    pub(super) fn system_rows(&self) -> Vec<[String; 7]> {
        let of_attempts = self.attempts.iter().filter_map(|attempt| {
            Some(attempt.system.as_ref()?.rows(&format!("  {}", attempt.detail.number)))
        });
        let rows: Vec<_> = of_attempts.flatten().collect();
        if rows.is_empty() {
            return rows;
        }
        // Without GPUs some columns have no values.
        let is_used = |column: usize| rows.iter().any(|row| !row[column].is_empty());
        let columns = HEADING.iter().enumerate();
        let heading = columns.map(|(i, text)| if is_used(i) { *text } else { "" }.to_owned());
        let heading: Vec<_> = heading.collect();
        let heading = heading.try_into().expect("as many as there are columns");
        std::iter::once(heading).chain(rows).collect()
    }

    /// The first skipped lines of each attempt, and the number of others.
    fn skipped_line_rows(&self) -> Vec<[String; 3]> {
        let mut rows = Vec::new();
        for SkippedLines { attempt, lines, partial, first, .. } in &self.skipped_lines {
            let attempt = format!("  attempt {attempt}");
            for (line, reason) in first {
                rows.push([attempt.clone(), format!("line {line}"), reason.clone()]);
            }
            let more = lines + partial - first.len() as u64;
            if more > 0 {
                rows.push([attempt, String::new(), format!("and {more} more")]);
            }
        }
        rows
    }

    fn to_json(&self) -> Value {
        let (status, trial) = (&self.one.status, &self.one.status.trial);
        let config: Map<_, _> = self.config.iter().cloned().collect();
        let files: Map<_, _> =
            self.files.iter().map(|(what, path)| ((*what).to_owned(), json!(path))).collect();
        json!({
            "schema": 1,
            "run": self.one.dir.name(),
            "id": trial.id,
            "variant": trial.variant,
            "label": self.label,
            "seed": trial.seed,
            "retired": trial.retired,
            "status": trial.state,
            "attempt_status": status.attempt_status(),
            "job": status.job.as_ref().and_then(|job| job.listed.as_ref()),
            "config": config,
            "attempts": self.attempts.iter().map(Attempt::to_json).collect::<Vec<_>>(),
            "results": self.results,
            "skipped_lines": self.skipped_lines.iter().map(|lines| json!({
                "attempt": lines.attempt,
                "lines": lines.lines,
                "partial": lines.partial,
                "first": lines.first.iter().map(|(line, reason)| {
                    json!({"line": line, "reason": reason})
                }).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "files": files,
            "rerun": self.rerun,
        })
    }
}

impl Attempt {
    fn new(dir: &AttemptDir, detail: AttemptDetail) -> Result<Self> {
        let ran_with = RanWith::read(dir)?;
        let until = |end_ms: i64| {
            let took = u64::try_from(end_ms - detail.started_ms).unwrap_or(0);
            Some(Duration::from_millis(took))
        };
        let (end, took) = match ownership::attempt_status(dir)? {
            AttemptStatus::Ended(exit) => (exit.to_string(), until(exit.ended_ms)),
            AttemptStatus::Held(_) => ("running".to_owned(), until(clock::now_ms())),
            AttemptStatus::Unknown(_) => ("started on another machine".to_owned(), None),
            AttemptStatus::Unowned => ("not started yet".to_owned(), None),
            AttemptStatus::Lost(_) => ("lost".to_owned(), None),
            AttemptStatus::Abandoned(_) => ("never started".to_owned(), None),
        };
        let end = if ran_with.is_imported() { "imported".to_owned() } else { end };
        let system = SystemUse::of(&system_samples::read(&dir.system())?);
        Ok(Self { detail, end, ran_with, took, system })
    }

    fn to_json(&self) -> Value {
        let detail = &self.detail;
        json!({
            "number": detail.number,
            "end": self.end,
            "started": clock::to_rfc3339(detail.started_ms),
            "seconds": self.took.map(|took| took.as_secs_f64()),
            "host": self.ran_with.host(),
            "ran_with": self.ran_with.to_json(),
            "system": self.system.as_ref().map(SystemUse::to_json),
            "device": detail.device,
            "build": detail.build,
            "resumed_from": detail.resumed_from,
            "checkpoints": detail.kept().map(|(step, _)| step).collect::<Vec<_>>(),
            "removed_checkpoints": detail.checkpoints.len() - detail.kept().count(),
        })
    }
}

/// The trial's files, with those of its last attempt.
fn files(
    folder: &Path,
    last: Option<&AttemptDir>,
    attempts: &[Attempt],
) -> Vec<(&'static str, PathBuf)> {
    let Some(last) = last else { return Vec::new() };
    let mut files = vec![
        ("folder", folder.to_owned()),
        ("stdout", last.stdout()),
        ("stderr", last.stderr()),
        ("events", last.events()),
    ];
    let newest = attempts.iter().rev().find_map(|attempt| attempt.detail.kept().next_back());
    let newest = newest.and_then(|(_, path)| file_of_trial(folder, Path::new(path)).ok());
    files.extend(newest.map(|path| ("checkpoint", path)));
    // An empty log is removed.
    files.retain(|(_, path)| path.exists());
    files
}

/// The values of nested mappings by dotted key.
pub(super) fn dotted(config: Map<String, Value>) -> Vec<(String, Value)> {
    let entries = config.into_iter().map(|(key, value)| match value {
        Value::Object(inner) if !inner.is_empty() => {
            let inner = dotted(inner).into_iter();
            inner.map(|(below, value)| (format!("{key}.{below}"), value)).collect()
        }
        value => vec![(key, value)],
    });
    entries.flatten().collect()
}

/// A value as it could be written in the file, on one line.
pub(super) fn in_yaml(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
