//! `orch run FILE`: plans, says what it will do, and carries every trial to its end.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;

use experiments::expand::overrides::Override;
use experiments::expand::{self, Experiment, ResolvedTrial};
use experiments::protocol::exit;
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;
use serde_json::json;

use super::detach;
use super::plan_text::{announce, dry_run};
use super::skipped_lines::skipped_lines_text;
use super::summary::Summary;
use super::{print_json, say};
use crate::cli::args::{self, Global};
use crate::display::{Display, Talk};
use crate::executor::slurm;
use crate::executor::worker_program;
use crate::platform::hash::sha256;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::run_dir::trial::restart as restart_trial;
use crate::scheduler::{Change, State, StopRequest};
use crate::slots::{ENV_INVENTORY, Machine};
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};
use crate::store::sync;
use crate::store::{StoreError, TrialRecord};
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};
use crate::supervisor::{Outcome, Parts, Supervisor};
use anyhow::Context;

/// What is asked for, seen to be possible.
struct Asked {
    experiment: Experiment,
    run: expand::Run,
    trials: Vec<ResolvedTrial>,
    machine: Machine,
    dir: RunDir,
}

/// Runs the verb.
pub async fn run(arguments: &args::Run, global: &Global) -> anyhow::Result<u8> {
    if global.behind {
        detach::detach()?;
    }
    let asked = Asked::new(arguments, global)?;
    let Asked { experiment, run, dir, .. } = &asked;
    if arguments.dry_run {
        let plan = asked.plan(arguments).await?;
        return dry_run(experiment, run, &plan, arguments.json).map(|()| exit::OK);
    }
    if arguments.detach && !global.behind {
        drop(dir.create().and_then(|()| dir.lock_for_a_moment())?);
        let plan = asked.plan(arguments).await?;
        if plan.to_run().next().is_some() {
            if !global.quiet {
                announce(experiment, run, &plan);
            }
            return detach::start(dir, arguments.json, global);
        }
    }
    carry_out(asked, arguments, global).await
}

impl Asked {
    fn new(arguments: &args::Run, global: &Global) -> anyhow::Result<Self> {
        let experiment = Experiment::load(&arguments.file)?;
        let overrides = arguments
            .set
            .iter()
            .map(|text| Override::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut run = experiment.expand(arguments.profile.as_deref(), &overrides)?;
        run.config.executor = arguments.executor.map_or(run.config.executor, Executor::from);
        run.check_rows(&arguments.only)?;
        let trials = resolve(&run)?;
        let machine = machine_for(&run, global)?;
        let dir = RunDir::new(&global.runs, &run.name());
        Ok(Self { experiment, run, trials, machine, dir })
    }

    /// What would be done, by what is recorded now.
    async fn plan(&self, arguments: &args::Run) -> anyhow::Result<Plan> {
        let recorded = if self.dir.journal().is_file() {
            sync::for_reading(&self.dir).await?.trials().await?
        } else {
            Vec::new()
        };
        Ok(plan(self.trials.clone(), &recorded, arguments))
    }
}

/// What the command line makes of the file's trials and what is recorded of them.
fn plan(trials: Vec<ResolvedTrial>, recorded: &[TrialRecord], arguments: &args::Run) -> Plan {
    let mut plan = Plan::new(trials, recorded, &arguments.only);
    if arguments.rerun_stale {
        plan.rerun_stale(&arguments.only);
    }
    plan
}

/// Supervises the run until its end.
async fn carry_out(asked: Asked, arguments: &args::Run, global: &Global) -> anyhow::Result<u8> {
    let Asked { experiment, run, trials, machine, dir } = asked;
    dir.create()?;
    let lock = dir.lock()?;
    if let Some(note) = dir.database_note().filter(|_| !global.quiet) {
        say(&format!("note: {note}"));
    }
    let mut store = sync::for_writing(&dir, &lock).await?;
    let recorded = store.trials().await?;
    let plan = plan(trials, &recorded, arguments);
    if !global.quiet {
        announce(&experiment, &run, &plan);
    }
    let mut journal = Journal::open(&dir.journal())?;
    let text = &experiment.source.text;
    let resolved = RunSnapshot::new(&run, &plan, &arguments.only, command(), text);
    resolved.write(&dir.experiment())?;
    record(&run, &plan, &recorded, text, &mut journal)?;
    restart(&plan, &recorded, &dir, &mut journal)?;
    store.read_journal(&dir.journal()).await?;

    let idle = plan.to_run().next().is_none();
    if idle && !global.quiet {
        say("nothing is left to do");
    }
    if global.behind {
        detach::ready();
    }
    let talk = if global.quiet { Talk::Quiet } else { Talk::Normal };
    let mut display = Display::new(talk, snapshot::headline(&run.config.report));
    let left_out = plan.trials.iter().filter(|planned| planned.action == PlannedAction::LeftOut);
    let parts = Parts {
        left_out: left_out.map(|planned| planned.trial.id.clone()).collect(),
        experiment: resolved,
        dir: dir.clone(),
        lock,
        journal,
        store,
        machine,
        foreign_processes: arguments.foreign_processes(),
        jobs: arguments.jobs.map(|jobs| jobs as usize),
        max_fails: arguments.fails.limit(),
    };
    let outcome = Supervisor::new(parts).await?.run(&mut display).await;
    display.finish();
    let talk = if idle { Talk::Quiet } else { talk };
    let outcome = outcome.map_err(|error| {
        if is_full_disk(&error) {
            anyhow::Error::new(error).context(format!(
                "the disk of `{}` is full, so that nothing can be recorded; its trials go on as far as \
                 they can. Make room, and run the file again: it goes on",
                dir.path().display()
            ))
        } else {
            error.into()
        }
    })?;
    finish(&run, &dir, &plan, &outcome, arguments.json, talk)
}

/// The command line as it was given, in front or in the background.
fn command() -> Vec<String> {
    let given = std::env::args_os().skip(1).filter(|word| word != detach::BEHIND);
    let given = given.map(|word| word.to_string_lossy().into_owned());
    std::iter::once("orch".to_owned()).chain(given).collect()
}

/// This machine. It, or the cluster, must be able to run the trials if it has nothing else to do.
fn machine_for(run: &expand::Run, global: &Global) -> anyhow::Result<Machine> {
    let machine = Machine::open();
    if run.config.executor == Executor::Slurm {
        slurm::test_submission(&run.config.slurm, &run.config.resources, run.config.worker.grace.0)
            .context("Slurm would not take a trial's job; what runs goes on")?;
        let alone = run.config.resources.share == Share::WHOLE || run.config.resources.gpus == 0;
        if !alone && run.config.slurm.gres.is_none() && !global.quiet {
            say(
                "note: every trial gets whole GPUs, since only this machine's are shared; where the \
                 site has shards, ask for them: `slurm: {gres: \"shard:1\"}`",
            );
        }
        return Ok(machine);
    }
    let inventory = machine.read_inventory()?;
    inventory.feasible(&run.config.resources)?;
    if let Some(file) = inventory.mock.filter(|_| !global.quiet) {
        say(&format!("note: this machine is made up by `{}` (`{ENV_INVENTORY}`)", file.display()));
    }
    Ok(machine)
}

/// Every trial's config as the worker will get it, checked by the worker where it can.
fn resolve(run: &expand::Run) -> anyhow::Result<Vec<ResolvedTrial>> {
    worker_program::find(&run.config.worker.command[0])?;
    let replies = match &run.config.worker.check {
        Some(check) => worker_program::check(check, &run.requests())?,
        None => run.unchecked(),
    };
    Ok(run.resolve(replies)?)
}

/// Writes down what the file asks for, and what follows from that.
fn record(
    run: &expand::Run,
    plan: &Plan,
    recorded: &[TrialRecord],
    text: &str,
    journal: &mut Journal,
) -> anyhow::Result<()> {
    let trials = plan.trials.iter().map(|PlannedTrial { trial, .. }| JournaledTrial {
        id: trial.id.clone(),
        key: trial.key.clone(),
        variant: trial.variant.clone(),
        seed: trial.seed,
        build: trial.build.clone(),
        data: trial.data.clone(),
    });
    journal.append(Entry::Planned(Planned {
        file_hash: sha256(text),
        rows: run.config.rows.clone(),
        trials: trials.collect(),
    }))?;
    for decision in plan.decisions(recorded)? {
        journal.append(decision)?;
    }
    Ok(())
}

/// Puts trials in the queue that shall restart, each with new folders for its work.
fn restart(
    plan: &Plan,
    recorded: &[TrialRecord],
    dir: &RunDir,
    journal: &mut Journal,
) -> anyhow::Result<()> {
    for PlannedTrial { trial, action, stale } in &plan.trials {
        if *action != PlannedAction::Restarted {
            continue;
        }
        // `rerun_stale` restarts only what is stale.
        let Some(changed) = stale else { continue };
        let Some(row) = recorded.iter().find(|row| row.id == trial.id) else { continue };
        let next = row.last_attempt.as_ref().map_or(0, |attempt| attempt.number) + 1;
        // First: a trial that is queued to restart must not find its old checkpoints.
        restart_trial(&dir.trial(&trial.id), next)?;
        let reason = format!("run again from the beginning: the {changed} changed");
        let from = row.state.clone();
        let to = from.clone().apply(Change::Restart { reason })?;
        journal.append(Entry::AttemptsReset { trial: trial.id.clone() })?;
        journal.append(Entry::Changed { trial: trial.id.clone(), from, to })?;
    }
    Ok(())
}

/// Says how it ended.
fn finish(
    run: &expand::Run,
    dir: &RunDir,
    plan: &Plan,
    outcome: &Outcome,
    as_json: bool,
    talk: Talk,
) -> anyhow::Result<u8> {
    let ended: Vec<_> = plan
        .to_run()
        .filter_map(|planned| outcome.states.iter().find(|(id, _)| *id == planned.trial.id))
        .collect();
    let failed = ended.iter().filter(|(_, state)| matches!(state, State::Failed { .. }));
    let failed: Vec<_> = failed.map(|trial| (*trial).clone()).collect();
    let cancelled = ended.iter().filter(|(_, state)| matches!(state, State::Cancelled { .. }));
    let cancelled = cancelled.count();
    let asked = matches!(outcome.stopping, Some(StopRequest::ByUser(_)));
    let succeeded = |(_, state): &&(_, State)| matches!(state, State::Succeeded { .. });
    let summary = Summary {
        run: run.name(),
        of: plan.trials.len(),
        done: outcome.states.iter().filter(succeeded).count(),
        interrupted: asked || (cancelled > 0 && failed.is_empty()),
        failed,
        cancelled,
        forsaken: 0,
    };
    if as_json {
        let ended = ended.iter().map(|(id, state)| json!({"id": id, "status": state}));
        print_json(&json!({
            "schema": 1,
            "run": run.name(),
            "profile": run.config.profile,
            "folder": dir.path(),
            "trials": plan.trials.len(),
            "succeeded": summary.done,
            "failed": summary.failed.len(),
            "cancelled": cancelled,
            "interrupted": summary.interrupted,
            "ended": ended.collect::<Vec<_>>(),
        }))?;
    }
    if talk == Talk::Normal {
        if let Some(text) = skipped_lines_text(&outcome.skipped_lines) {
            say(&text);
        }
        say(&summary.to_text());
    }
    Ok(summary.code())
}

/// Whether an error, or one of its causes, is that a disk is full.
fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    let of_system = |error: &(dyn Error + 'static)| {
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        error.downcast_ref::<io::Error>().is_some_and(|error| full.contains(&error.kind()))
    };
    iter::successors(Some(error), |error| (*error).source())
        .any(|cause| of_system(cause) || StoreError::is_by_full_disk(cause))
}
