//! What running an experiment would do, decided before anything is started: which trials are
//! done, go on, or are new.

use std::collections::BTreeMap;
use std::fmt;

use experiments::expand::{ResolvedTrial, Run};
use experiments::protocol::check::StaleReason;
use serde::Serialize;

use crate::platform::hash::sha256;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::scheduler::{Change, IllegalTransition, State};
use crate::store::TrialRecord;
use crate::store::journal_file::Entry;
use experiments::protocol::trial_id::TrialId;

/// Every trial that the file asks for, and what will become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the file's order.
    pub trials: Vec<PlannedTrial>,
    /// Trials that were run before and that the file no longer asks for.
    pub retired: Vec<TrialId>,
}

/// One trial of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTrial {
    /// The trial, with the id under which it is recorded.
    pub trial: ResolvedTrial,
    /// The action that running takes.
    pub action: PlannedAction,
    /// The change since its results were made; `None` if there is none, or no result.
    pub stale: Option<StaleReason>,
}

/// What running will do with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    /// Nothing: it has succeeded.
    Done,
    /// Its processes are still at work and will be watched on.
    Reattached,
    /// It goes on from its last checkpoint, if it has one.
    Resumed,
    /// Somebody had it stopped; it goes on.
    Cancelled,
    /// It failed and gets another chance.
    RunAgain,
    /// It has work of another build or other data, and begins anew.
    Restarted,
    /// It is run for the first time.
    New,
    /// `--only` leaves it out.
    LeftOut,
}

impl Plan {
    /// Compares what the file asks for with what is recorded. `only` names the variants to run;
    /// all if empty.
    pub fn new(wanted: Vec<ResolvedTrial>, recorded: &[TrialRecord], only: &[String]) -> Self {
        let by_key: BTreeMap<&str, &TrialRecord> =
            recorded.iter().map(|row| (row.key.as_str(), row)).collect();
        let trials: Vec<PlannedTrial> = wanted
            .into_iter()
            .map(|mut trial| {
                let known = by_key.get(trial.key.as_str());
                if let Some(row) = known {
                    // A trial that was recorded under another variant's name is the same trial.
                    trial.id = row.id.clone();
                }
                PlannedTrial {
                    action: match known {
                        Some(TrialRecord { state: State::Succeeded { .. }, .. }) => {
                            PlannedAction::Done
                        }
                        _ if !only.is_empty() && !only.contains(&trial.variant) => {
                            PlannedAction::LeftOut
                        }
                        None => PlannedAction::New,
                        Some(row) => action_of(row),
                    },
                    stale: known.and_then(|row| {
                        row.origins.changed(trial.build.as_deref(), trial.data.as_deref())
                    }),
                    trial,
                }
            })
            .collect();
        let retired = recorded
            .iter()
            .filter(|row| !trials.iter().any(|planned| planned.trial.id == row.id))
            .map(|row| row.id.clone())
            .collect();
        Self { trials, retired }
    }

    /// Has every trial begin anew that has work of another build or other data, among the variants
    /// in `only`; all if empty. What still runs goes on.
    pub fn rerun_stale(&mut self, only: &[String]) {
        for planned in &mut self.trials {
            let meant = only.is_empty() || only.contains(&planned.trial.variant);
            if meant && planned.stale.is_some() && planned.action != PlannedAction::Reattached {
                planned.action = PlannedAction::Restarted;
            }
        }
    }

    /// What follows for trials that are settled without success: they are put in the queue again,
    /// and what failed or was cancelled starts with a fresh budget of attempts.
    pub fn decisions(&self, recorded: &[TrialRecord]) -> Result<Vec<Entry>, IllegalTransition> {
        let mut entries = Vec::new();
        for planned in self.to_run().filter(|planned| planned.action != PlannedAction::Restarted) {
            let row = recorded.iter().find(|row| row.id == planned.trial.id);
            let settled = row.map(|row| row.state.clone()).filter(State::is_settled);
            let Some(from) = settled else { continue };
            let reason = format!("run again after: {}", from.reason());
            let to = from.clone().apply(Change::Queue { reason })?;
            if matches!(planned.action, PlannedAction::Cancelled | PlannedAction::RunAgain) {
                entries.push(Entry::AttemptsReset { trial: planned.trial.id.clone() });
            }
            entries.push(Entry::Changed { trial: planned.trial.id.clone(), from, to });
        }
        Ok(entries)
    }

    /// The trials that are to be run or watched.
    pub fn to_run(&self) -> impl Iterator<Item = &PlannedTrial> {
        self.trials
            .iter()
            .filter(|t| !matches!(t.action, PlannedAction::Done | PlannedAction::LeftOut))
    }

    /// How many trials have this action.
    pub fn count(&self, action: PlannedAction) -> usize {
        self.trials.iter().filter(|trial| trial.action == action).count()
    }
}

fn action_of(row: &TrialRecord) -> PlannedAction {
    match row.state {
        State::Succeeded { .. } => PlannedAction::Done,
        State::Starting { .. } | State::Running { .. } => PlannedAction::Reattached,
        State::Interrupted { .. } => PlannedAction::Resumed,
        State::Cancelled { .. } => PlannedAction::Cancelled,
        State::Failed { .. } => PlannedAction::RunAgain,
        State::Queued { .. } if row.last_attempt.is_some() => PlannedAction::Resumed,
        State::Queued { .. } => PlannedAction::New,
    }
}

impl fmt::Display for PlannedAction {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Reattached => "still running",
            Self::Resumed => "to resume",
            Self::Cancelled => "cancelled, to go on",
            Self::RunAgain => "failed, to run again",
            Self::Restarted => "to run again from the beginning",
            Self::New => "new",
            Self::LeftOut => "left out",
        })
    }
}

/// `5 trials: 2 done, 1 to resume, 2 new`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let n = self.trials.len();
        write!(f, "{n} trial{}", if n == 1 { "" } else { "s" })?;
        let actions = [
            PlannedAction::Done,
            PlannedAction::Reattached,
            PlannedAction::Resumed,
            PlannedAction::Cancelled,
            PlannedAction::RunAgain,
            PlannedAction::Restarted,
            PlannedAction::New,
            PlannedAction::LeftOut,
        ];
        let mut separator = ": ";
        for (action, count) in actions.map(|action| (action, self.count(action))) {
            if count > 0 {
                write!(f, "{separator}{count} {action}")?;
                separator = ", ";
            }
        }
        if !self.retired.is_empty() {
            write!(f, "; {} retired, as the file no longer names them", self.retired.len())?;
        }
        Ok(())
    }
}

impl RunSnapshot {
    /// What running `plan` of `run` resolves `text` to.
    pub fn new(run: &Run, plan: &Plan, only: &[String], command: Vec<String>, text: &str) -> Self {
        Self {
            version: snapshot::VERSION,
            command,
            file_hash: sha256(text),
            only: only.to_vec(),
            run: run.config.clone(),
            trials: plan.trials.iter().map(|planned| planned.trial.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use experiments::expand::Weight;
    use experiments::protocol::failure::FailureClass;

    use super::*;
    use crate::store::Origins;

    fn resolved(variant: &str, key: &str, build: &str) -> ResolvedTrial {
        let key = key.repeat(8);
        ResolvedTrial {
            id: TrialId::new(variant, 0, &key),
            weight: Weight::default(),
            key,
            variant: variant.to_owned(),
            seed: 0,
            config: serde_json::Map::new(),
            build: Some(build.to_owned()),
            data: None,
        }
    }

    fn row(resolved: &ResolvedTrial, state: State) -> TrialRecord {
        TrialRecord {
            id: resolved.id.clone(),
            key: resolved.key.clone(),
            variant: resolved.variant.clone(),
            seed: resolved.seed,
            retired: false,
            state,
            build: resolved.build.clone(),
            data: None,
            origins: Origins {
                builds: resolved.build.iter().cloned().collect(),
                ..Default::default()
            },
            last_attempt: None,
        }
    }

    #[test]
    fn what_is_recorded_decides_each_trial_s_fate() {
        let failed =
            State::Failed { attempt: 1, class: FailureClass::Crashed, message: String::new() };
        let (a, b, c, d) = (
            resolved("a", "a", "1"),
            resolved("b", "b", "1"),
            resolved("c", "c", "1"),
            resolved("d", "d", "1"),
        );
        let recorded = [
            row(&a, State::Succeeded { attempt: 1 }),
            row(&b, failed),
            row(&resolved("gone", "e", "1"), State::Succeeded { attempt: 1 }),
        ];
        let plan = Plan::new(vec![a, b, c, d], &recorded, &["b".to_owned(), "c".to_owned()]);
        let actions: Vec<_> = plan.trials.iter().map(|t| t.action).collect();
        assert_eq!(
            actions,
            [
                PlannedAction::Done,
                PlannedAction::RunAgain,
                PlannedAction::New,
                PlannedAction::LeftOut
            ]
        );
        assert_eq!(
            plan.to_string(),
            "4 trials: 1 done, 1 failed, to run again, 1 new, 1 left out; 1 retired, as the file \
             no longer names them"
        );
    }

    #[test]
    fn a_renamed_variant_keeps_its_results_and_another_build_is_noticed() {
        let before = resolved("old", "a", "1");
        let recorded = [row(&before, State::Succeeded { attempt: 1 })];
        let mut plan = Plan::new(vec![resolved("new", "a", "2")], &recorded, &[]);
        assert_eq!(plan.trials[0].action, PlannedAction::Done);
        assert_eq!(plan.trials[0].trial.id.0, "old-s0-aaaaaaaa");
        assert_eq!(plan.trials[0].stale, Some(StaleReason::Build));
        assert!(plan.retired.is_empty());

        // It is run again on request, unless another variant is meant.
        plan.rerun_stale(&["other".to_owned()]);
        assert_eq!(plan.trials[0].action, PlannedAction::Done);
        plan.rerun_stale(&[]);
        assert_eq!(plan.to_string(), "1 trial: 1 to run again from the beginning");
    }
}
