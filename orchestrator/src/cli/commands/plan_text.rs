//! The plan in words, before anything runs.

use experiments::expand::{self, Experiment};
use serde_json::json;

use super::{print, print_json, say};
use crate::display::text::named;
use crate::supervisor::plan::{Fate, Plan, PlanTrial};

/// Says under which profile this runs, what else there is, and the plan.
pub(super) fn announce(experiment: &Experiment, run: &expand::Run, plan: &Plan) {
    if let Some(profile) = &run.profile {
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
    for what in ["build", "data"] {
        for done in [true, false] {
            let changed = |trial: &&PlanTrial| {
                trial.stale == Some(what)
                    && (trial.fate == Fate::Done) == done
                    && !matches!(trial.fate, Fate::Renewed | Fate::LeftOut)
            };
            let stale: Vec<_> = plan.trials.iter().filter(changed).collect();
            if !stale.is_empty() {
                say(&stale_note(&stale, what, done));
            }
        }
    }
}

/// Which trials have work of another build or other data, and what may be done about it.
fn stale_note(trials: &[&PlanTrial], what: &str, done: bool) -> String {
    let names = named(trials.iter().map(|trial| trial.id.0.as_str()));
    let how = match (what, done) {
        ("build", true) => "were made by another build of the worker",
        ("build", false) => "go on from the work of another build of the worker",
        (_, true) => "were made with other data",
        (_, false) => "go on from work with other data",
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
            "profile": run.profile,
            "trials": plan.trials.iter().map(|trial| json!({
                "id": trial.id,
                "variant": trial.frozen.variant,
                "seed": trial.frozen.seed,
                "plan": trial.fate,
                "stale": trial.stale,
                "config": trial.frozen.config,
            })).collect::<Vec<_>>(),
            "retired": plan.retired,
        }));
    }
    announce(experiment, run, plan);
    let lines = plan.trials.iter().map(|trial| format!("{}\t{}\n", trial.id, trial.fate));
    print(&lines.collect::<String>())
}
