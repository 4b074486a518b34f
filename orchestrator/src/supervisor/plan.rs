//! The plan of a run, made before anything is started: the trials that are done, resumed or new.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use experiments::expand::{ResolvedTrial, Run};
use experiments::protocol::check::StaleReason;
use serde::Serialize;

use crate::platform::hash::sha256;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::scheduler::{Change, IllegalTransition, State};
use crate::store::TrialRecord;
use crate::store::journal_file::Entry;
use crate::supervisor::stale::{PresentCode, newest_build, stale};
use experiments::protocol::trial_id::TrialId;

/// Every trial of the file, with the action that running takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the file's order.
    pub trials: Vec<PlannedTrial>,
    /// Recorded trials that the file no longer names.
    pub retired: Vec<TrialId>,
    /// Trials whose work was done by another interpreter than the present one, by its path.
    pub other_interpreters: BTreeMap<String, Vec<TrialId>>,
}

/// One trial of the plan, and the action on it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTrial {
    /// The trial, with the id under which it is recorded.
    pub trial: Arc<ResolvedTrial>,
    /// The action that running takes.
    pub action: PlannedAction,
    /// The change since its results were made; `None` if there is none, or no result.
    pub stale: Option<StaleReason>,
    /// The files of the worker's code that have changed since.
    pub changed_files: BTreeSet<String>,
    /// True if its records are damaged.
    pub is_damaged: bool,
    /// The number of its active attempt, or else of its next one, from 1.
    pub attempt: u32,
}

/// The action that running takes with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    /// None: it has succeeded.
    Done,
    /// Its processes still run; the supervisor reattaches to them.
    Reattached,
    /// It resumes from its last checkpoint, if it has one.
    Resumed,
    /// It was cancelled by request, and resumes.
    Cancelled,
    /// It failed, and runs again with fresh attempts.
    RunAgain,
    /// Its results are stale: it restarts from the beginning.
    Restarted,
    /// It runs for the first time.
    New,
    /// `--only` leaves it out.
    LeftOut,
}

impl Plan {
    /// Compares the trials of the file with those that are recorded. `only` names the variants to
    /// run; all if empty.
    pub fn new(
        wanted: Vec<Arc<ResolvedTrial>>,
        recorded: &[TrialRecord],
        only: &[String],
        code: &PresentCode,
    ) -> Self {
        let newest_build = newest_build(recorded);
        let by_key: BTreeMap<&str, &TrialRecord> =
            recorded.iter().map(|row| (row.key.as_str(), row)).collect();
        let trials: Vec<PlannedTrial> = wanted
            .into_iter()
            .map(|mut trial| {
                let known = by_key.get(trial.key.as_str());
                if let Some(row) = known {
                    // Under another variant's name it is the same trial.
                    if trial.id != row.id {
                        Arc::make_mut(&mut trial).id = row.id.clone();
                    }
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
                    stale: known.and_then(|row| stale(&row.origins, &trial, newest_build, code)),
                    changed_files: known.map_or(BTreeSet::new(), |row| {
                        let changed = row
                            .origins
                            .codes
                            .iter()
                            .filter_map(|then| code.changed_files.get(then));
                        changed.flatten().cloned().collect()
                    }),
                    is_damaged: false,
                    attempt: known.map_or(1, |row| row.active_or_next_attempt()),
                    trial,
                }
            })
            .collect();
        let named: BTreeSet<_> = trials.iter().map(|planned| &planned.trial.id).collect();
        let retired = recorded
            .iter()
            .filter(|row| !named.contains(&row.id))
            .map(|row| row.id.clone())
            .collect();
        let other_interpreters = other_interpreters(&trials, &by_key, code.interpreter.as_ref());
        Self { trials, retired, other_interpreters }
    }

    /// Restarts every stale trial among the variants in `only`; all if empty. Active trials go on.
    pub(crate) fn rerun_stale(&mut self, only: &[String]) {
        self.restart(only, |planned| planned.stale.is_some());
    }

    /// The same for every trial whose records are damaged.
    pub(crate) fn rerun_damaged(&mut self, only: &[String]) {
        self.restart(only, |planned| planned.is_damaged);
    }

    fn restart(&mut self, only: &[String], is_wanted: impl Fn(&PlannedTrial) -> bool) {
        for planned in &mut self.trials {
            let selected = only.is_empty() || only.contains(&planned.trial.variant);
            if selected && is_wanted(planned) && planned.action != PlannedAction::Reattached {
                planned.action = PlannedAction::Restarted;
            }
        }
    }

    /// The trials that restart because their records are damaged.
    pub(crate) fn restarted_for_damage(&self) -> BTreeSet<TrialId> {
        let restarted = self
            .trials
            .iter()
            .filter(|planned| planned.is_damaged && planned.action == PlannedAction::Restarted);
        restarted.map(|planned| planned.trial.id.clone()).collect()
    }

    /// The decisions for trials that have ended without success: they are queued again, and those that
    /// failed or were cancelled have their attempts reset.
    pub fn decisions(&self, recorded: &[TrialRecord]) -> Result<Vec<Entry>, IllegalTransition> {
        let states: BTreeMap<_, _> = recorded.iter().map(|row| (&row.id, &row.state)).collect();
        let mut entries = Vec::new();
        for planned in self.to_run().filter(|planned| planned.action != PlannedAction::Restarted) {
            let state = states.get(&planned.trial.id).map(|state| (*state).clone());
            let Some(from) = state.filter(State::is_settled) else { continue };
            let reason = format!("run again after: {}", from.reason());
            let to = from.clone().apply(Change::Queue { reason })?;
            if matches!(planned.action, PlannedAction::Cancelled | PlannedAction::RunAgain) {
                let trial = planned.trial.id.clone();
                entries.push(Entry::AttemptsReset { trial, restarted: false });
            }
            entries.push(Entry::Changed { trial: planned.trial.id.clone(), from, to, seal: None });
        }
        Ok(entries)
    }

    /// The trials that run, or run already.
    pub fn to_run(&self) -> impl Iterator<Item = &PlannedTrial> {
        self.trials
            .iter()
            .filter(|t| !matches!(t.action, PlannedAction::Done | PlannedAction::LeftOut))
    }

    /// The number of trials with this action.
    pub fn count(&self, action: PlannedAction) -> usize {
        self.trials.iter().filter(|trial| trial.action == action).count()
    }
}

fn other_interpreters(
    trials: &[PlannedTrial],
    recorded: &BTreeMap<&str, &TrialRecord>,
    present: Option<&String>,
) -> BTreeMap<String, Vec<TrialId>> {
    let mut others = BTreeMap::<_, Vec<_>>::new();
    for PlannedTrial { trial, .. } in trials {
        let used = recorded.get(trial.key.as_str()).map(|row| &row.origins.interpreters);
        for path in used.into_iter().flatten().filter(|path| Some(*path) != present) {
            others.entry(path.clone()).or_default().push(trial.id.clone());
        }
    }
    others
}

fn action_of(row: &TrialRecord) -> PlannedAction {
    match row.state {
        State::Succeeded { .. } => PlannedAction::Done,
        State::Starting { .. } | State::Running { .. } => PlannedAction::Reattached,
        State::Interrupted { .. } => PlannedAction::Resumed,
        State::Cancelled { .. } => PlannedAction::Cancelled,
        State::Failed { .. } => PlannedAction::RunAgain,
        State::Queued { .. } if row.counting_attempt().is_some() => PlannedAction::Resumed,
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
            write!(f, "; {} retired, as this run does not include them", self.retired.len())?;
        }
        Ok(())
    }
}

impl RunSnapshot {
    /// The snapshot of `run` under `plan`, from the `text` of the experiment file at the absolute path
    /// `file`.
    pub(crate) fn new(
        run: &Run,
        plan: &Plan,
        only: &[String],
        command: Vec<String>,
        file: &Path,
        text: &str,
    ) -> Self {
        Self {
            version: snapshot::VERSION,
            command,
            file: Some(file.to_owned()),
            file_hash: sha256(text),
            only: only.to_vec(),
            until_resolved: false,
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
            first_planned: 0,
            retired: false,
            state,
            build: resolved.build.clone(),
            data: None,
            origins: Origins {
                builds: resolved.build.iter().cloned().collect(),
                ..Default::default()
            },
            first_attempt: 1,
            last_attempt: None,
        }
    }

    #[test]
    fn records_decide_the_action_of_each_trial() {
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
        let plan = Plan::new(
            [a, b, c, d].map(Arc::new).into(),
            &recorded,
            &["b".to_owned(), "c".to_owned()],
            &PresentCode::default(),
        );
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
            "4 trials: 1 done, 1 failed, to run again, 1 new, 1 left out; 1 retired, as this \
             run does not include them"
        );
    }

    #[test]
    fn a_renamed_variant_keeps_its_results_and_another_build_is_noticed() {
        let before = resolved("old", "a", "1");
        let recorded = [row(&before, State::Succeeded { attempt: 1 })];
        let mut plan = Plan::new(
            vec![Arc::new(resolved("new", "a", "2"))],
            &recorded,
            &[],
            &PresentCode::default(),
        );
        assert_eq!(plan.trials[0].action, PlannedAction::Done);
        assert_eq!(plan.trials[0].trial.id.0, "old-s0-aaaaaaaa");
        assert_eq!(plan.trials[0].stale, Some(StaleReason::Build));
        assert!(plan.retired.is_empty());

        // It restarts on request, unless another variant is selected.
        plan.rerun_stale(&["other".to_owned()]);
        assert_eq!(plan.trials[0].action, PlannedAction::Done);
        plan.rerun_stale(&[]);
        assert_eq!(plan.to_string(), "1 trial: 1 to run again from the beginning");
    }
}
