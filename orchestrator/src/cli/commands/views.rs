//! A run's trials as displays see them, from the records.

use std::collections::BTreeMap;

use experiments::schema::executor::Executor;

use crate::display::TrialView;
use crate::display::time_spent::{TimeSpent, samples};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::TrialRecord;

/// Facts that are needed beside the records of a run, kept from one read to the next.
pub(super) struct Views {
    spent: TimeSpent,
    executor: Executor,
    /// The variants that `--only` named; all if empty.
    only: Vec<String>,
    /// Expected durations of variants relative to each other, by the file.
    costs: BTreeMap<String, f64>,
}

impl Views {
    /// The views of a run, by its settings and, for costs, its trials.
    pub(super) fn new(resolved: &RunSnapshot) -> Self {
        let costs = resolved.trials.iter().map(|trial| (trial.variant.clone(), trial.weight.cost));
        Self {
            spent: TimeSpent::default(),
            executor: resolved.run.executor,
            only: resolved.only.clone(),
            costs: costs.collect(),
        }
    }

    /// These trials with the time that they have spent, as far as an estimate needs it, and of all that are
    /// `wanted`.
    pub(super) fn of<'a>(
        &mut self,
        dir: &RunDir,
        trials: &[&'a TrialRecord],
        wanted: impl Fn(&TrialRecord) -> bool,
    ) -> Vec<TrialView<'a>> {
        let (samples, now_ms) = (samples(trials), clock::now_ms());
        let mut views = Vec::new();
        for &trial in trials {
            let is_read = trial.state.active_attempt().is_some()
                || samples.contains(&trial.id)
                || wanted(trial);
            let spent =
                if is_read { self.spent.of(dir, trial, self.executor, now_ms) } else { None };
            views.push(TrialView {
                id: &trial.id,
                state: &trial.state,
                variant: &trial.variant,
                cost: self.costs.get(&trial.variant).copied().unwrap_or(1.0),
                spent,
                is_to_run: !trial.retired
                    && (self.only.is_empty() || self.only.contains(&trial.variant)),
            });
        }
        views
    }
}
