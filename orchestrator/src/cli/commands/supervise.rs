//! The supervisor of a run, from its plan to the end of every trial.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;
use std::time::Instant;

use experiments::protocol::trial_id::TrialId;

use super::damage::{self, open_records, print_damage};
use super::detach;
use super::error::{Result, VerbError};
use super::notify::{Notifier, NotifyingReporter};
use super::output::print_message;
use super::plan_text::announce;
use super::run_end::End;
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};
use crate::display::{Display, Headline, Verbosity};
use crate::platform::atomic_file;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::trial::restart as restart_trial;
use crate::run_dir::{RunDir, SupervisorLock};
use crate::scheduler::{Change, State};
use crate::store::damage::Damage;
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};
use crate::store::sync;
use crate::store::{Store, StoreError, TrialRecord};
use crate::supervisor::plan::{Plan, PlannedAction, PlannedTrial};
use crate::supervisor::{Outcome, Parts, Supervisor, SupervisorError};

/// Announces the plan, and starts the same command in the background.
pub(super) fn start_in_background(
    validated: &ValidatedRun,
    plan: &Plan,
    arguments: &args::Run,
    global: &Global,
) -> Result<u8> {
    if !global.quiet {
        announce(validated, plan);
    }
    detach::start(&validated.dir, arguments.json, global)
}

/// Creates the run's folder, and acquires its lock.
pub(super) fn lock(dir: &RunDir, global: &Global) -> Result<SupervisorLock> {
    dir.create()?;
    let lock = dir.lock()?;
    if let Some(note) = dir.database_note().filter(|_| !global.quiet) {
        print_message(&format!("note: {note}"));
    }
    Ok(lock)
}

/// A supervisor's work, once every trial has ended or the run was stopped.
pub(super) struct Supervised {
    plan: Plan,
    outcome: Outcome,
}

/// Supervises the run until it ends.
pub(super) async fn supervise(
    validated: &ValidatedRun,
    lock: &SupervisorLock,
    arguments: &args::Run,
    notifier: &mut Notifier,
    global: &Global,
) -> Result<Supervised> {
    let ValidatedRun { file, experiment, run, dir, .. } = validated;
    let mut store = sync::for_writing(dir, lock).await?;
    print_damage(dir, &store);
    let recorded = store.trials().await?;
    let plan = validated.plan_by(&mut store, &recorded, arguments).await?;
    store = accept_damage(store, validated, &plan, lock, arguments).await?;
    if !global.quiet {
        announce(validated, &plan);
    }
    let code = validated.attempt_code(global)?;
    let mut journal = Journal::open(&dir.journal())?;
    let text = &experiment.source.text;
    let mut resolved = RunSnapshot::new(run, &plan, &arguments.only, command(), file, text);
    resolved.until_resolved = arguments.until_resolved;
    atomic_file::write(&dir.experiment_file(), text.as_bytes())?;
    let resolved_hash = resolved.write(&dir.resolved())?;
    journal.write(Entry::Planned(planned(&resolved, resolved_hash)))?;
    for decision in plan.decisions(&recorded)? {
        journal.write(decision)?;
    }
    let unrecorded = unrecorded(&plan, &store);
    if !unrecorded.is_empty() {
        // What was decided about them, and when, is lost for good.
        damage::keep_exit_code();
        journal.write(Entry::Unrecorded { trials: unrecorded })?;
    }
    restart(&plan, &recorded, dir, &mut journal)?;
    journal.sync()?;
    store.read_journal(&dir.journal()).await?;
    store.commit().await?;

    if plan.to_run().next().is_none() && !global.quiet {
        print_message("nothing is left to do");
    }
    if global.background {
        detach::ready();
    }
    let headline = Headline::of(&run.config.report);
    let mut display = Display::new(verbosity(global), headline, Instant::now());
    let left_out = plan.trials.iter().filter(|planned| planned.action == PlannedAction::LeftOut);
    let parts = Parts {
        left_out: left_out.map(|planned| planned.trial.id.clone()).collect(),
        experiment: resolved,
        dir: dir.clone(),
        lock,
        journal,
        store,
        machine: &validated.machine,
        code: Some(code),
        foreign_processes: arguments.foreign_processes(),
        jobs: arguments.jobs.map(|jobs| jobs as usize),
        max_fails: arguments.fails.limit(),
        keep_going: arguments.fails.keep_going,
    };
    let mut reporter = NotifyingReporter { display: &mut display, notifier };
    let outcome = Supervisor::new(parts, &mut reporter).await?.run().await;
    display.finish();
    let outcome = outcome.map_err(|error| explained(error, dir))?;
    Ok(Supervised { plan, outcome })
}

fn verbosity(global: &Global) -> Verbosity {
    if global.quiet { Verbosity::Quiet } else { Verbosity::Normal }
}

impl Supervised {
    /// True if something was left to do.
    pub(super) fn has_run(&self) -> bool {
        self.plan.to_run().next().is_some()
    }

    /// `20 of 22 trials done, 2 failed`.
    pub(super) fn counts(&self) -> String {
        let states = self.outcome.states.iter().map(|(_, state)| state);
        let failed = states.clone().filter(|state| matches!(state, State::Failed { .. })).count();
        let done = states.filter(|state| matches!(state, State::Succeeded { .. })).count();
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        format!("{done} of {} trials done{failed}", self.plan.trials.len())
    }

    /// Prints how the run ended, and returns its exit code.
    pub(super) async fn finish(
        &self,
        validated: &ValidatedRun,
        as_json: bool,
        global: &Global,
    ) -> Result<u8> {
        let verbosity = if self.has_run() { verbosity(global) } else { Verbosity::Quiet };
        let mut store = open_records(&validated.dir).await?;
        let recorded = store.trials_without_origins().await?;
        let end = End {
            run: &validated.run,
            dir: &validated.dir,
            plan: &self.plan,
            outcome: &self.outcome,
            recorded: &recorded,
        };
        end.finish(&mut store, as_json, verbosity).await
    }
}

/// Accepts the damaged records of trials that restart for them, which do not count any more, or all on
/// request.
async fn accept_damage(
    store: Store,
    validated: &ValidatedRun,
    plan: &Plan,
    lock: &SupervisorLock,
    arguments: &args::Run,
) -> Result<Store> {
    let (damage, restarted) = (store.damage.clone(), plan.restarted_for_damage());
    if arguments.accept_damage && !damage.is_empty() {
        print_message("the damaged records are accepted as they are; every report says so");
    }
    let accepted = damage.iter().filter(|damage| {
        let of_restarted = damage.trial.as_ref().is_some_and(|trial| restarted.contains(trial));
        arguments.accept_damage || of_restarted
    });
    damage::accept(&validated.dir, store, lock, accepted).await
}

/// The supervisor's error, with what to do about it.
fn explained(error: SupervisorError, dir: &RunDir) -> VerbError {
    if !is_full_disk(&error) {
        return error.into();
    }
    VerbError::from(error).context(format!(
        "the disk of `{}` is full, so nothing can be recorded; running trials continue as far as they \
         can. Free some space and run the file again to resume",
        dir.path().display()
    ))
}

/// The command line as the user gave it, also in the background.
fn command() -> Vec<String> {
    let given = std::env::args_os().skip(1).filter(|word| word != detach::BACKGROUND);
    let given = given.map(|word| word.to_string_lossy().into_owned());
    iter::once("orch".to_owned()).chain(given).collect()
}

/// The plan for the journal; `resolved_hash` is that of the file that has it.
fn planned(resolved: &RunSnapshot, resolved_hash: String) -> Planned {
    Planned {
        file_hash: resolved.file_hash.clone(),
        resolved_hash,
        rows: resolved.run.rows.clone(),
        trials: resolved.trials.iter().map(|trial| JournaledTrial::from(&**trial)).collect(),
        design: resolved.run.report.design.clone(),
        claims: resolved.run.report.stated_claims(),
    }
}

/// The planned trials that were started, and that the journal does not know.
fn unrecorded(plan: &Plan, store: &Store) -> Vec<TrialId> {
    let names: BTreeSet<&str> = store.damage.iter().filter_map(Damage::unrecorded_trial).collect();
    let planned = plan.trials.iter().map(|planned| &planned.trial.id);
    planned.filter(|id| names.contains(id.0.as_str())).cloned().collect()
}

/// Queues the trials to restart, each with new folders for its work.
fn restart(
    plan: &Plan,
    recorded: &[TrialRecord],
    dir: &RunDir,
    journal: &mut Journal,
) -> Result<()> {
    let recorded: BTreeMap<_, _> = recorded.iter().map(|row| (&row.id, row)).collect();
    for PlannedTrial { trial, action, stale, is_damaged, .. } in &plan.trials {
        if *action != PlannedAction::Restarted {
            continue;
        }
        let Some(row) = recorded.get(&trial.id) else { continue };
        let next = row.last_attempt.as_ref().map_or(0, |attempt| attempt.number) + 1;
        // First: a trial that is queued to restart must not find its old checkpoints.
        restart_trial(&dir.trial(&trial.id), next)?;
        let cause = match stale {
            _ if *is_damaged => "its records were damaged".to_owned(),
            Some(changed) => format!("the {changed} changed"),
            None => continue,
        };
        let reason = format!("run again from the beginning: {cause}");
        let from = row.state.clone();
        let to = from.clone().apply(Change::Restart { reason })?;
        journal.write(Entry::AttemptsReset { trial: trial.id.clone(), restarted: true })?;
        journal.write(Entry::Changed { trial: trial.id.clone(), from, to, seal: None })?;
    }
    Ok(())
}

/// True if an error, or one of its causes, is that a disk is full.
fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |error| (*error).source()).any(|cause| {
        let kind = cause.downcast_ref().map(io::Error::kind);
        matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
            || StoreError::is_by_full_disk(cause)
    })
}
