//! `orch gc [RUN]`: removes checkpoints that the file's `keep` does not keep, and incomplete files.

use experiments::protocol::exit;
use experiments::schema::keep::{Keep, KeepCheckpoints};
use experiments::schema::resources::Memory;
use serde_json::{Value, json};

use super::damage::open_intact;
use super::error::Result;
use super::output::{print, print_json, print_message};
use super::submit_request::{handle_left_over, submit_request};
use crate::cli::args::{self, Global};
use crate::display::text::columns;
use crate::run_dir::RunDir;
use crate::run_dir::requests::Request;
use crate::run_dir::snapshot::RunSnapshot;
use crate::supervisor::retention::{self, Garbage, Survey};

/// Runs the verb.
pub(super) async fn run(arguments: &args::Gc, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    if !arguments.dry_run {
        handle_left_over(&dir).await?;
    }
    let keep = RunSnapshot::read_settings(&dir.resolved())?.run.keep;
    let mut store = open_intact(&dir).await?;
    let survey = retention::survey(&mut store, &dir, keep.as_ref()).await?;
    let without_rule = match &keep {
        Some(_) => None,
        None => Some(retention::survey(&mut store, &dir, Some(&only_the_last())).await?),
    };
    drop(store);
    let removes = !arguments.dry_run && !survey.trials.is_empty();
    if removes {
        submit_request(&dir, &Request::CollectGarbage, &[], false).await?;
    }
    let done = Collection { dir, keep, survey, removes };
    if arguments.json {
        print_json(&done.to_json(arguments.dry_run))?;
    } else {
        print(&done.to_text(arguments.dry_run))?;
        if let Some(possible) = without_rule.filter(|_| !global.quiet) {
            print_message(&hint(&possible));
        }
    }
    Ok(if removes && done.left().next().is_some() { exit::SOME_FAILED } else { exit::OK })
}

/// The rule that is suggested where the file has none.
fn only_the_last() -> Keep {
    let checkpoints = KeepCheckpoints { last: Some(1), ..KeepCheckpoints::default() };
    Keep { checkpoints }
}

fn hint(possible: &Survey) -> String {
    let bytes = possible.trials.iter().map(Garbage::bytes).sum();
    format!(
        "note: the file has no `keep`, so every checkpoint stays; with `keep: {{checkpoints: \
         {{last: 1}}}}` and `orch run` once more, `orch gc` would free {}",
        Memory(bytes)
    )
}

/// The garbage of a run before the verb, and what was done about it.
struct Collection {
    dir: RunDir,
    keep: Option<Keep>,
    survey: Survey,
    /// True if removal was requested.
    removes: bool,
}

impl Collection {
    /// Paths of garbage that still exists.
    fn left(&self) -> impl Iterator<Item = String> {
        self.survey.trials.iter().flat_map(|garbage| {
            let folder = self.dir.trial(&garbage.trial);
            let there = garbage.files.iter().filter(move |file| file.is_there(&folder));
            there.map(|file| format!("{}/{}", garbage.trial, file.path.display()))
        })
    }

    /// Bytes that are free now, or would be.
    fn freed(&self) -> u64 {
        let files = self.survey.trials.iter().flat_map(|garbage| {
            let folder = self.dir.trial(&garbage.trial);
            garbage.files.iter().filter(move |file| !self.removes || !file.is_there(&folder))
        });
        files.map(|file| file.bytes).sum()
    }

    fn to_text(&self, dry_run: bool) -> String {
        let rows: Vec<_> = self.survey.trials.iter().flat_map(rows).collect();
        let mut lines: Vec<_> = self
            .keep
            .iter()
            .map(|keep| format!("{} keeps of each trial {}", self.dir.name(), keep.checkpoints))
            .collect();
        lines.extend(columns(&rows));
        let (files, trials) = (rows.len(), self.survey.trials.len());
        let freed = Memory(self.freed());
        let Survey { stay, active, .. } = self.survey;
        lines.push(match (files, dry_run) {
            (0, _) => format!("nothing to remove; {stay} checkpoints stay"),
            (_, true) => format!(
                "would remove {files} files of {trials} trials and free {freed}; {stay} checkpoints stay"
            ),
            (_, false) => format!(
                "removed {files} files of {trials} trials and freed {freed}; {stay} checkpoints stay"
            ),
        });
        if active > 0 {
            lines.push(format!("{active} trials are running and were skipped"));
        }
        let left = self.left().filter(|_| self.removes);
        lines.extend(left.map(|path| format!("still there: {path}; its trial may have started")));
        lines.join("\n") + "\n"
    }

    fn to_json(&self, dry_run: bool) -> Value {
        json!({
            "schema": 1,
            "run": self.dir.name(),
            "dry_run": dry_run,
            "keep": self.keep,
            "trials": self.survey.trials.iter().map(|garbage| json!({
                "id": garbage.trial,
                "files": garbage.files,
            })).collect::<Vec<_>>(),
            "bytes": self.freed(),
            "still_there": self.left().filter(|_| self.removes).collect::<Vec<_>>(),
            "checkpoints_that_stay": self.survey.stay,
            "active": self.survey.active,
        })
    }
}

/// A line for each file.
fn rows(garbage: &Garbage) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    for file in &garbage.files {
        let what = match file.checkpoints.as_slice() {
            [] => "incomplete".to_owned(),
            // The last attempt that reported it wrote the file.
            [.., (attempt, step)] if file.checkpoints.iter().all(|(_, other)| other == step) => {
                format!("step {step}, attempt {attempt}")
            }
            several => format!("{} checkpoints from before its restart", several.len()),
        };
        let path = file.path.display().to_string();
        rows.push([format!("  {}", garbage.trial), path, Memory(file.bytes).to_string(), what]);
    }
    rows
}
