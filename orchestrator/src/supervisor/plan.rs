//! What running an experiment would do, decided before anything is started: which trials are
//! done, go on, or are new.

use std::collections::BTreeMap;
use std::fmt;

use experiments::expand::{Frozen, Run};
use serde::Serialize;

use crate::platform::hash::sha256;
use crate::run_dir::TrialId;
use crate::run_dir::snapshot::{Resolved, ResolvedTrial};
use crate::scheduler::{Change, IllegalTransition, State};
use crate::store::TrialRow;
use crate::store::journal_file::Entry;

/// Every trial that the file asks for, and what will become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In the file's order.
    pub trials: Vec<PlanTrial>,
    /// Trials that were run before and that the file no longer asks for.
    pub retired: Vec<TrialId>,
}

/// One trial of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanTrial {
    /// Its id.
    pub id: TrialId,
    /// The trial as the worker will get it.
    pub frozen: Frozen,
    /// What will become of it.
    pub fate: Fate,
    /// What has changed since the work that it has was made: `build` or `data`.
    pub stale: Option<&'static str>,
}

/// What running will do with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Nothing: it has succeeded.
    Done,
    /// Its processes are still at work and will be watched on.
    Adopted,
    /// It goes on from its last checkpoint, if it has one.
    Resumed,
    /// Somebody had it stopped; it goes on.
    Cancelled,
    /// It failed and gets another chance.
    RunAgain,
    /// It has work of another build or other data, and begins anew.
    Renewed,
    /// It is run for the first time.
    New,
    /// `--only` leaves it out.
    LeftOut,
}

impl Plan {
    /// Compares what the file asks for with what is recorded. `only` names the variants to run;
    /// all if empty.
    pub fn new(wanted: Vec<Frozen>, recorded: &[TrialRow], only: &[String]) -> Self {
        let by_key: BTreeMap<&str, &TrialRow> =
            recorded.iter().map(|row| (row.key.as_str(), row)).collect();
        let trials: Vec<PlanTrial> = wanted
            .into_iter()
            .map(|frozen| {
                let known = by_key.get(frozen.key.as_str());
                PlanTrial {
                    // A trial that was recorded under another variant's name is the same trial.
                    id: known.map_or_else(|| TrialId(frozen.id()), |row| row.id.clone()),
                    fate: match known {
                        Some(TrialRow { state: State::Succeeded { .. }, .. }) => Fate::Done,
                        _ if !only.is_empty() && !only.contains(&frozen.variant) => Fate::LeftOut,
                        None => Fate::New,
                        Some(row) => fate(row),
                    },
                    stale: known.and_then(|row| {
                        let (build, data) = (frozen.build.as_deref(), frozen.data.as_deref());
                        row.made_with.changed(build, data)
                    }),
                    frozen,
                }
            })
            .collect();
        let retired = recorded
            .iter()
            .filter(|row| !trials.iter().any(|trial| trial.id == row.id))
            .map(|row| row.id.clone())
            .collect();
        Self { trials, retired }
    }

    /// Has every trial begin anew that has work of another build or other data, among the variants
    /// in `only`; all if empty. What still runs goes on.
    pub fn rerun_stale(&mut self, only: &[String]) {
        for trial in &mut self.trials {
            let meant = only.is_empty() || only.contains(&trial.frozen.variant);
            if meant && trial.stale.is_some() && trial.fate != Fate::Adopted {
                trial.fate = Fate::Renewed;
            }
        }
    }

    /// What follows for trials that are settled without success: they are put in the queue again,
    /// and what failed or was cancelled starts with a fresh budget of attempts.
    pub fn decisions(&self, recorded: &[TrialRow]) -> Result<Vec<Entry>, IllegalTransition> {
        let mut entries = Vec::new();
        for trial in self.to_run().filter(|trial| trial.fate != Fate::Renewed) {
            let row = recorded.iter().find(|row| row.id == trial.id);
            let settled = row.map(|row| row.state.clone()).filter(State::is_settled);
            let Some(from) = settled else { continue };
            let reason = format!("run again after: {}", from.reason());
            let to = from.clone().apply(Change::Queue { reason })?;
            if matches!(trial.fate, Fate::Cancelled | Fate::RunAgain) {
                entries.push(Entry::Forgiven { trial: trial.id.clone() });
            }
            entries.push(Entry::Changed { trial: trial.id.clone(), from, to });
        }
        Ok(entries)
    }

    /// The trials that are to be run or watched.
    pub fn to_run(&self) -> impl Iterator<Item = &PlanTrial> {
        self.trials.iter().filter(|t| !matches!(t.fate, Fate::Done | Fate::LeftOut))
    }

    /// How many trials have this fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.trials.iter().filter(|trial| trial.fate == fate).count()
    }
}

fn fate(row: &TrialRow) -> Fate {
    match row.state {
        State::Succeeded { .. } => Fate::Done,
        State::Starting { .. } | State::Running { .. } => Fate::Adopted,
        State::Interrupted { .. } => Fate::Resumed,
        State::Cancelled { .. } => Fate::Cancelled,
        State::Failed { .. } => Fate::RunAgain,
        State::Queued { .. } if row.last_attempt.is_some() => Fate::Resumed,
        State::Queued { .. } => Fate::New,
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Adopted => "still running",
            Self::Resumed => "to resume",
            Self::Cancelled => "cancelled, to go on",
            Self::RunAgain => "failed, to run again",
            Self::Renewed => "to run again from the beginning",
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
        let fates = [
            Fate::Done,
            Fate::Adopted,
            Fate::Resumed,
            Fate::Cancelled,
            Fate::RunAgain,
            Fate::Renewed,
            Fate::New,
            Fate::LeftOut,
        ];
        let mut separator = ": ";
        for (fate, count) in fates.map(|fate| (fate, self.count(fate))) {
            if count > 0 {
                write!(f, "{separator}{count} {fate}")?;
                separator = ", ";
            }
        }
        if !self.retired.is_empty() {
            write!(f, "; {} retired, as the file no longer names them", self.retired.len())?;
        }
        Ok(())
    }
}

impl Resolved {
    /// What running `plan` of `run` resolves `text` to.
    pub fn new(run: &Run, plan: &Plan, only: &[String], command: Vec<String>, text: &str) -> Self {
        Self {
            command,
            experiment: run.experiment.clone(),
            profile: run.profile.clone(),
            caption: run.caption.clone(),
            set: run.set.clone(),
            file_hash: sha256(text),
            worker: run.worker.clone(),
            resources: run.resources.clone(),
            executor: run.executor,
            slurm: run.slurm.clone(),
            retry: run.retry.clone(),
            only: only.to_vec(),
            stall: run.stall.clone(),
            keep: run.keep.clone(),
            rows: run.rows.clone(),
            trials: plan
                .trials
                .iter()
                .map(|trial| ResolvedTrial {
                    id: trial.id.0.clone(),
                    variant: trial.frozen.variant.clone(),
                    seed: trial.frozen.seed,
                    config: trial.frozen.config.clone(),
                    weight: run.weights.get(&trial.frozen.variant).copied().unwrap_or_default(),
                })
                .collect(),
            report: run.report.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use experiments::protocol::failure::FailureClass;

    use super::*;
    use crate::store::MadeWith;

    fn frozen(variant: &str, key: &str, build: &str) -> Frozen {
        Frozen {
            key: key.repeat(8),
            variant: variant.to_owned(),
            seed: 0,
            config: serde_json::Map::new(),
            build: Some(build.to_owned()),
            data: None,
        }
    }

    fn row(frozen: &Frozen, state: State) -> TrialRow {
        TrialRow {
            id: TrialId(frozen.id()),
            key: frozen.key.clone(),
            variant: frozen.variant.clone(),
            seed: frozen.seed,
            retired: false,
            state,
            build: frozen.build.clone(),
            data: None,
            made_with: MadeWith {
                builds: frozen.build.iter().cloned().collect(),
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
            frozen("a", "a", "1"),
            frozen("b", "b", "1"),
            frozen("c", "c", "1"),
            frozen("d", "d", "1"),
        );
        let recorded = [
            row(&a, State::Succeeded { attempt: 1 }),
            row(&b, failed),
            row(&frozen("gone", "e", "1"), State::Succeeded { attempt: 1 }),
        ];
        let plan = Plan::new(vec![a, b, c, d], &recorded, &["b".to_owned(), "c".to_owned()]);
        let fates: Vec<_> = plan.trials.iter().map(|t| t.fate).collect();
        assert_eq!(fates, [Fate::Done, Fate::RunAgain, Fate::New, Fate::LeftOut]);
        assert_eq!(
            plan.to_string(),
            "4 trials: 1 done, 1 failed, to run again, 1 new, 1 left out; 1 retired, as the file \
             no longer names them"
        );
    }

    #[test]
    fn a_renamed_variant_keeps_its_results_and_another_build_is_noticed() {
        let before = frozen("old", "a", "1");
        let recorded = [row(&before, State::Succeeded { attempt: 1 })];
        let mut plan = Plan::new(vec![frozen("new", "a", "2")], &recorded, &[]);
        assert_eq!(plan.trials[0].fate, Fate::Done);
        assert_eq!(plan.trials[0].id.0, "old-s0-aaaaaaaa");
        assert_eq!(plan.trials[0].stale, Some("build"));
        assert!(plan.retired.is_empty());

        // It is run again on request, unless another variant is meant.
        plan.rerun_stale(&["other".to_owned()]);
        assert_eq!(plan.trials[0].fate, Fate::Done);
        plan.rerun_stale(&[]);
        assert_eq!(plan.to_string(), "1 trial: 1 to run again from the beginning");
    }
}
