//! The plan in words, before anything runs.

use experiments::expand::{self, Experiment};
use experiments::protocol::check::StaleReason;
use serde_json::json;

use super::{print, print_json, say};
use crate::display::text::named;
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};

/// Says under which profile this runs, what else there is, and the plan.
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
        say(&format!("{}: profile `{profile}`{others}", run.name()));
        if !description.is_empty() {
            say(description.trim());
        }
    }
    say(&format!("{}: {plan}", run.name()));
    for what in [StaleReason::Build, StaleReason::Data] {
        for done in [true, false] {
            let changed = |trial: &&PlannedTrial| {
                trial.stale == Some(what)
                    && (trial.action == PlannedAction::Done) == done
                    && !matches!(trial.action, PlannedAction::Restarted | PlannedAction::LeftOut)
            };
            let stale: Vec<_> = plan.trials.iter().filter(changed).collect();
            if !stale.is_empty() {
                say(&stale_note(&stale, what, done));
            }
        }
    }
}

/// Which trials have work of another build or other data, and what may be done about it.
fn stale_note(trials: &[&PlannedTrial], what: StaleReason, done: bool) -> String {
    let names = named(trials.iter().map(|planned| planned.trial.id.0.as_str()));
    let how = match (what, done) {
        (StaleReason::Build, true) => "were made by another build of the worker",
        (StaleReason::Build, false) => "go on from the work of another build of the worker",
        (StaleReason::Data, true) => "were made with other data",
        (StaleReason::Data, false) => "go on from work with other data",
    };
    format!("note: {names} {how} (`--rerun-stale` begins anew)")
}

/// Prints the plan and what becomes of every trial.
pub(super) fn dry_run(
    experiment: &Experiment,
    run: &expand::Run,
    plan: &Plan,
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        return print_json(&json!({
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
        }));
    }
    announce(experiment, run, plan);
    let lines =
        plan.trials.iter().map(|planned| format!("{}\t{}\n", planned.trial.id, planned.action));
    print(&lines.collect::<String>())
}
