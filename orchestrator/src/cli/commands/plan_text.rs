//! The plan as text, before anything runs.

use std::io;

use experiments::expand::{self, Experiment};
use experiments::protocol::check::StaleReason;
use experiments::schema::resources::Memory;
use serde_json::json;

use super::error::Result;
use super::output::{print, print_json, print_message};
use crate::display::text::named;
use crate::platform::disk_space;
use crate::run_dir::RunDir;
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};

/// Prints the profile, the other profiles and the plan.
pub(super) fn announce(experiment: &Experiment, run: &expand::Run, plan: &Plan) {
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
    for what in [StaleReason::Build, StaleReason::Data] {
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
    let how = match (what, done) {
        (StaleReason::Build, true) => "were made by another build of the worker",
        (StaleReason::Build, false) => "continue from the work of another build of the worker",
        (StaleReason::Data, true) => "were made with other data",
        (StaleReason::Data, false) => "continue from work with other data",
    };
    format!("note: {names} {how} (`--rerun-stale` runs them again from the beginning)")
}

/// The space that is free for the run's folder, which may not exist yet; `None` if the system does not
/// tell.
fn free_space(dir: &RunDir) -> io::Result<Option<Memory>> {
    Ok(std::path::absolute(dir.path())?.ancestors().find_map(disk_space::free))
}

/// Prints the plan, the planned action of every trial, and the room for the run's folder `dir`.
pub(super) fn dry_run(
    experiment: &Experiment,
    run: &expand::Run,
    plan: &Plan,
    dir: &RunDir,
    as_json: bool,
) -> Result<()> {
    let (wanted, free) = (run.config.resources.disk, free_space(dir)?);
    if as_json {
        print_json(&json!({
            "schema": 1,
            "run": run.name(),
            "profile": run.config.profile,
            "trials": plan.trials.iter().map(|PlannedTrial { trial, action, stale }| json!({
                "id": trial.id,
                "variant": trial.variant,
                "seed": trial.seed,
                "plan": action,
                "stale": stale,
                "config": trial.config,
            })).collect::<Vec<_>>(),
            "retired": plan.retired,
            "disk": {"free": free, "wanted": wanted},
        }))?;
        return Ok(());
    }
    announce(experiment, run, plan);
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
    Ok(print(&lines.collect::<String>())?)
}
