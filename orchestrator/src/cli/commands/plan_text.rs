//! The plan as text, before anything runs.

use experiments::expand::{self, Experiment};
use experiments::protocol::check::StaleReason;
use serde_json::json;

use super::error::Result;
use super::output::{print, print_json, print_message};
use crate::display::text::named;
use crate::platform::shell::quoted;
use crate::run_dir::RunDir;
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};
use crate::supervisor::worker_command::WorkerCommand;

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

/// Prints the plan and the planned action of every trial.
pub(super) fn dry_run(
    experiment: &Experiment,
    run: &expand::Run,
    dir: &RunDir,
    plan: &Plan,
    as_json: bool,
) -> Result<()> {
    let first = plan.to_run().next().or(plan.trials.first());
    let first = first.map(|planned| WorkerCommand::new(&run.config, dir, &planned.trial, 1));
    let first = first.transpose()?;
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
            "first_command": first.map(|first| json!({
                "argv": first.argv,
                "directory": first.directory,
                "env": first.env,
            })),
        }))?;
        return Ok(());
    }
    announce(experiment, run, plan);
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
