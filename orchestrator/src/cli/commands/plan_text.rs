//! The plan as text, before anything runs.

use std::collections::BTreeSet;
use std::io;

use experiments::protocol::check::StaleReason;
use experiments::schema::resources::Memory;
use serde_json::json;

use super::error::Result;
use super::output::{print, print_json, print_message};
use super::retired::reasons_to_retire;
use super::validated_run::ValidatedRun;
use crate::display::text::named;
use crate::platform::disk_space;
use crate::platform::shell::quoted;
use crate::run_dir::RunDir;
use crate::run_dir::trial::Folders;
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};
use crate::supervisor::worker_command::WorkerCommand;

/// Prints the profile, the other profiles and the plan; of a run that was announced before, the plan.
pub(super) fn announce(validated: &ValidatedRun, plan: &Plan) {
    if validated.is_announced {
        print_message(&format!("{}: {plan}", validated.run.name()));
    } else {
        announce_first(validated, plan);
    }
    announce_stale(plan);
}

fn announce_first(validated: &ValidatedRun, plan: &Plan) {
    let ValidatedRun { experiment, run, previous, .. } = validated;
    if let Some(profile) = &run.config.profile {
        let others = experiment.file.profiles.keys().filter(|name| *name != profile);
        let others: Vec<_> = others.map(|name| format!("--profile {name}")).collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            format!(" (there is also {})", others.join(", "))
        };
        let description = &experiment.file.profiles[profile].description;
        print_message(&format!("{}: profile `{profile}`{others}", run.name()));
        if !description.is_empty() {
            print_message(description.trim());
        }
    }
    print_message(&format!("{}: {plan}", run.name()));
    if let Some(previous) = previous {
        for reason in reasons_to_retire(previous, &run.config.worker, plan) {
            print_message(&format!("note: {reason}"));
        }
    }
    for (interpreter, trials) in &plan.other_interpreters {
        let trials = named(trials.iter().map(|id| id.0.as_str()));
        print_message(&format!(
            "note: {trials} ran under `{interpreter}`, which is another one now"
        ));
    }
    if validated.code.files.is_empty()
        && !validated.reports_build()
        && !validated.code_source.is_off()
    {
        print_message(
            "note: no file of the worker's code is known, so that a change of it goes unnoticed; list \
             its files, for example `worker: {code: [train.py]}`",
        );
    }
}

/// A note for each kind of work that is not of the present worker and data.
fn announce_stale(plan: &Plan) {
    for what in [StaleReason::Build, StaleReason::Code, StaleReason::Data] {
        let mut done = Vec::new();
        let mut unfinished = Vec::new();
        for trial in plan.trials.iter().filter(|trial| trial.stale == Some(what)) {
            match trial.action {
                PlannedAction::Done => done.push(trial),
                PlannedAction::Restarted | PlannedAction::LeftOut => {}
                _ => unfinished.push(trial),
            }
        }
        for (stale, done) in [(done, true), (unfinished, false)] {
            if !stale.is_empty() {
                print_message(&stale_note(&stale, what, done));
            }
        }
    }
}

/// A note about trials with work of another build or other data.
fn stale_note(trials: &[&PlannedTrial], what: StaleReason, done: bool) -> String {
    let names = named(trials.iter().map(|planned| planned.trial.id.0.as_str()));
    let files: BTreeSet<_> = trials.iter().flat_map(|planned| &planned.changed_files).collect();
    let files = named(files.into_iter().map(String::as_str));
    let how = match (what, done) {
        (StaleReason::Build, true) => "were made by another build of the worker".to_owned(),
        (StaleReason::Build, false) => {
            "continue from the work of another build of the worker".to_owned()
        }
        (StaleReason::Code, true) => format!("were made before {files} changed"),
        (StaleReason::Code, false) => format!("continue from work made before {files} changed"),
        (StaleReason::Data, true) => "were made with other data".to_owned(),
        (StaleReason::Data, false) => "continue from work with other data".to_owned(),
    };
    format!("note: {names} {how} (`--rerun-stale` runs them again from the beginning)")
}

/// The space that is free for the run's folder, which may not exist yet; `None` if the system does not
/// tell.
fn free_space(dir: &RunDir) -> io::Result<Option<Memory>> {
    Ok(std::path::absolute(dir.path())?.ancestors().find_map(disk_space::free))
}

/// Prints the plan, the planned action of every trial, the room for the run's folder and the first command.
pub(super) fn dry_run(validated: &ValidatedRun, plan: &Plan, as_json: bool) -> Result<()> {
    let ValidatedRun { run, dir, .. } = validated;
    let (wanted, free) = (run.config.resources.disk, free_space(dir)?);
    let first = plan.to_run().next().or(plan.trials.first());
    let first = first.map(|PlannedTrial { trial, attempt, .. }| {
        let folders = Folders::of(&dir.trial(&trial.id));
        WorkerCommand::new(&run.config, dir, trial, *attempt, &folders)
    });
    let first = first.transpose()?;
    if as_json {
        print_json(&json!({
            "schema": 1,
            "run": run.name(),
            "profile": run.config.profile,
            "trials": plan.trials.iter().map(|PlannedTrial { trial, action, stale, changed_files, is_damaged, .. }| json!({
                "id": trial.id,
                "variant": trial.variant,
                "seed": trial.seed,
                "plan": action,
                "stale": stale,
                "changed_files": changed_files,
                "damaged": is_damaged,
                "config": trial.config,
            })).collect::<Vec<_>>(),
            "retired": plan.retired,
            "disk": {"free": free, "wanted": wanted},
            "first_command": first.map(|first| json!({
                "argv": first.argv,
                "directory": first.directory,
                "env": first.env,
            })),
        }))?;
        return Ok(());
    }
    announce(validated, plan);
    if let Some(free) = free {
        let judgement = if free < wanted { ", too little" } else { "" };
        print_message(&format!(
            "disk: {free} are free for `{}`{judgement}; nothing is started below {wanted} \
             (`resources.disk`)",
            dir.path().display()
        ));
    }
    let lines =
        plan.trials.iter().map(|planned| format!("{}\t{}\n", planned.trial.id, planned.action));
    print(&lines.collect::<String>())?;
    if let Some(WorkerCommand { argv, directory, env, .. }) = first {
        let env = env.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words: Vec<_> = env.chain(argv.iter().map(|word| quoted(word))).collect();
        print_message(&format!("the first command, in {}:", directory.display()));
        print_message(&format!("  {}", words.join(" ")));
    }
    Ok(())
}
