//! `orch gc [RUN]`: removes checkpoints that the file's `keep` does not want, and what was left behind.

use experiments::protocol::exit;
use experiments::schema::keep::{Keep, KeepCheckpoints};
use experiments::schema::resources::Memory;
use serde_json::{Value, json};

use super::submit_request::ask;
use super::{print, print_json, say};
use crate::cli::args::{self, Global};
use crate::display::text::columns;
use crate::run_dir::RunDir;
use crate::run_dir::requests::Request;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::Unneeded;
use crate::store::sync;
use crate::supervisor::retention::{self, Garbage, Survey};

/// Runs the verb.
pub async fn run(arguments: &args::Gc, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let keep = RunSnapshot::read(&dir.experiment())?.run.keep;
    let mut store = sync::for_reading(&dir).await?;
    let survey = retention::survey(&mut store, &dir, keep.as_ref()).await?;
    let without_rule = match &keep {
        Some(_) => None,
        None => Some(retention::survey(&mut store, &dir, Some(&only_the_last())).await?),
    };
    drop(store);
    let removes = !arguments.dry_run && !survey.trials.is_empty();
    if removes {
        ask(&dir, &Request::CollectGarbage, &[], false).await?;
    }
    let done = Done { dir, keep, survey, removes };
    if arguments.json {
        print_json(&done.to_json(arguments.dry_run))?;
    } else {
        print(&done.to_text(arguments.dry_run))?;
        if let Some(possible) = without_rule.filter(|_| !global.quiet) {
            say(&hint(&possible));
        }
    }
    Ok(if removes && done.left().next().is_some() { exit::SOME_FAILED } else { exit::OK })
}

/// What is suggested to who has said nothing.
fn only_the_last() -> Keep {
    let checkpoints = KeepCheckpoints { last: Some(1), ..KeepCheckpoints::default() };
    Keep { checkpoints }
}

fn hint(possible: &Survey) -> String {
    let bytes = possible.trials.iter().map(Garbage::bytes).sum();
    format!(
        "note: the file says no `keep`, so that every checkpoint stays; with `keep: {{checkpoints: \
         {{last: 1}}}}` and `orch run` once more, `orch gc` would free {}",
        Memory(bytes)
    )
}

/// What was found, and whether it was asked for to be removed.
struct Done {
    dir: RunDir,
    keep: Option<Keep>,
    survey: Survey,
    removes: bool,
}

impl Done {
    /// What is still there.
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
            let counts = move |there: bool| !self.removes || !there;
            garbage.files.iter().filter(move |file| counts(file.is_there(&folder)))
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
            (0, _) => format!("nothing is to be removed; {stay} checkpoints stay"),
            (_, true) => format!(
                "would remove {files} files of {trials} trials and free {freed}; {stay} checkpoints stay"
            ),
            (_, false) => format!(
                "removed {files} files of {trials} trials and freed {freed}; {stay} checkpoints stay"
            ),
        });
        if active > 0 {
            lines.push(format!("{active} trials are under way and were left alone"));
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
    let row = |file: &Unneeded| {
        let what = match file.checkpoints.as_slice() {
            [] => "never finished".to_owned(),
            // The last attempt that said it wrote what is there.
            [.., (attempt, step)] if file.checkpoints.iter().all(|(_, other)| other == step) => {
                format!("step {step}, attempt {attempt}")
            }
            several => format!("{} checkpoints of before it began anew", several.len()),
        };
        let path = file.path.display().to_string();
        [format!("  {}", garbage.trial), path, Memory(file.bytes).to_string(), what]
    };
    garbage.files.iter().map(row).collect()
}
