//! `orch run` where nothing is left to do and nothing has to be recorded: no supervisor is started, and
//! neither the journal nor the database is written.

use super::detach;
use super::error::Result;
use super::output::print_message;
use super::plan_text::announce;
use super::run_end::End;
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};
use crate::display::Verbosity;
use crate::run_dir::SupervisorLock;
use crate::run_dir::requests;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::{Store, TrialRecord, sync};
use crate::supervisor::Outcome;
use crate::supervisor::cleanup::remove_temporary_files;
use crate::supervisor::plan::Plan;

/// A run of which every trial has ended as it should, with records as they were left.
pub(super) struct Idle {
    store: Store,
    recorded: Vec<TrialRecord>,
    plan: Plan,
    outcome: Outcome,
}

impl Idle {
    /// The run, if it is one; `None` if there is something to do, or something new to record.
    pub(super) async fn of(
        validated: &ValidatedRun,
        lock: &SupervisorLock,
        arguments: &args::Run,
    ) -> Result<Option<Self>> {
        let ValidatedRun { file, experiment, run, dir, previous, .. } = validated;
        let Some(previous) = previous else { return Ok(None) };
        let Some(mut store) = sync::unchanged(dir, lock).await else { return Ok(None) };
        let recorded = store.trials().await?;
        let is_settled = store.damage.is_empty()
            && store.stopping().await?.is_none()
            && recorded.iter().all(|trial| trial.state.active_attempt().is_none())
            && requests::pending(dir).is_ok_and(|pending| pending.is_empty());
        if !is_settled {
            return Ok(None);
        }
        let plan = validated.plan_by(&mut store, &recorded, arguments).await?;
        // The command line alone is no reason to write.
        let text = &experiment.source.text;
        let mut planned =
            RunSnapshot::new(run, &plan, &arguments.only, previous.command.clone(), file, text);
        planned.until_resolved = arguments.until_resolved;
        if plan.to_run().next().is_some() || planned != *previous {
            return Ok(None);
        }
        let states = recorded.iter().filter(|trial| !trial.retired);
        let outcome = Outcome {
            states: states.map(|trial| (trial.id.clone(), trial.state.clone())).collect(),
            stopping: None,
            skipped_lines: store.skipped_lines().await?,
        };
        Ok(Some(Self { store, recorded, plan, outcome }))
    }

    /// Removes what killed writers have left, says that nothing is to do, and returns the exit code.
    pub(super) async fn finish(
        mut self,
        validated: &ValidatedRun,
        as_json: bool,
        global: &Global,
    ) -> Result<u8> {
        remove_temporary_files(&validated.dir);
        if !global.quiet {
            announce(validated, &self.plan);
            print_message("nothing is left to do");
        }
        if global.background {
            detach::ready();
        }
        let end = End {
            run: &validated.run,
            dir: &validated.dir,
            plan: &self.plan,
            outcome: &self.outcome,
            recorded: &self.recorded,
        };
        end.finish(&mut self.store, as_json, Verbosity::Quiet).await
    }
}
