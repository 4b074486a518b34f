//! The end of `orch run`: its summary, as text and as JSON, and its exit code.

use std::collections::{BTreeMap, BTreeSet};

use experiments::expand;
use serde_json::json;

use super::causes::failures;
use super::error::Result;
use super::metric_gaps::{metric_gaps, print_metric_gaps, print_problems};
use super::output::{print_json, print_message};
use super::skipped_lines::skipped_lines_text;
use super::summary::Summary;
use crate::display::Verbosity;
use crate::run_dir::RunDir;
use crate::scheduler::{State, StopRequest};
use crate::store::{Store, TrialRecord};
use crate::supervisor::Outcome;
use crate::supervisor::plan::{Plan, PlannedAction};

/// A run that has ended.
pub(super) struct End<'a> {
    pub(super) run: &'a expand::Run,
    pub(super) dir: &'a RunDir,
    pub(super) plan: &'a Plan,
    pub(super) outcome: &'a Outcome,
    /// Its trials as they are recorded now.
    pub(super) recorded: &'a [TrialRecord],
}

impl End<'_> {
    /// Prints how the run ended, and returns its exit code.
    pub(super) async fn finish(
        self,
        store: &mut Store,
        as_json: bool,
        verbosity: Verbosity,
    ) -> Result<u8> {
        let Self { run, dir, plan, outcome, recorded } = self;
        let gaps = metric_gaps(store, &run.config.report, recorded).await?;
        let planned: BTreeSet<_> = plan.to_run().map(|planned| &planned.trial.id).collect();
        let planned = recorded.iter().filter(|trial| planned.contains(&trial.id));
        let same_failure = outcome.stopping == Some(StopRequest::SameFailure);
        let failed = failures(dir, planned, same_failure);
        let states: BTreeMap<_, _> = outcome.states.iter().map(|ended| (&ended.0, ended)).collect();
        let ended: Vec<_> =
            plan.to_run().filter_map(|planned| states.get(&planned.trial.id).copied()).collect();
        let cancelled = ended.iter().filter(|(_, state)| matches!(state, State::Cancelled { .. }));
        let cancelled = cancelled.count();
        let succeeded =
            outcome.states.iter().filter(|(_, state)| matches!(state, State::Succeeded { .. }));
        let given_up = ended.iter().filter(|(_, state)| matches!(state, State::Failed { .. }));
        let given_up = given_up.count();
        let stopped_by_user = matches!(outcome.stopping, Some(StopRequest::ByUser(_)));
        let summary = Summary {
            run: run.name(),
            of: plan.trials.len(),
            done: succeeded.count(),
            interrupted: stopped_by_user || (cancelled > 0 && failed.is_empty()),
            failed,
            cancelled,
            orphaned: 0,
            same_failure,
            gaps,
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
                "failed": given_up,
                "stopping": outcome.stopping,
                "cancelled": cancelled,
                "interrupted": summary.interrupted,
                "metric_gaps": summary.gaps,
                "ended": ended.collect::<Vec<_>>(),
            }))?;
        }
        if verbosity == Verbosity::Normal {
            if let Some(text) = skipped_lines_text(&outcome.skipped_lines) {
                print_message(&text);
            }
            print_metric_gaps(&summary.gaps);
            print_message(&(stale_note(plan) + &summary.to_text()));
        } else {
            print_problems(&summary.gaps);
        }
        Ok(summary.code())
    }
}

/// A line to remind of finished trials whose results are not those of the present worker; empty without
/// any.
fn stale_note(plan: &Plan) -> String {
    let stale = plan
        .trials
        .iter()
        .filter(|planned| planned.action == PlannedAction::Done && planned.stale.is_some());
    let of = plan.trials.len();
    match stale.count() {
        0 => String::new(),
        n => format!(
            "note: the results of {n} of the {of} trials are of before a change, as said above; \
             `--rerun-stale` runs them again\n"
        ),
    }
}
