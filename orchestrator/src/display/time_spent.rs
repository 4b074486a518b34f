//! The time that trials have taken so far, from the records of their attempts.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use experiments::schema::executor::Executor;

use crate::run_dir::RunDir;
use crate::run_dir::ownership::{self, AttemptStatus};
use crate::scheduler::State;
use crate::store::TrialRecord;

/// Finished trials of a variant by which others are expected: the newest ones. More would make the
/// estimate little better, and each costs the reading of two files.
const SAMPLES: usize = 8;

/// Times of attempts, which are read once they have ended, and then never again.
#[derive(Debug, Default)]
pub(crate) struct TimeSpent {
    ended: BTreeMap<TrialId, BTreeMap<u32, f64>>,
    started_ms: BTreeMap<TrialId, (u32, i64)>,
}

impl TimeSpent {
    /// Seconds in all attempts of `trial` that count, until `now_ms`; `None` if they are unknown, as of a trial whose
    /// job waits in the queue of a cluster.
    pub(crate) fn of(
        &mut self,
        run: &RunDir,
        trial: &TrialRecord,
        executor: Executor,
        now_ms: i64,
    ) -> Option<f64> {
        let last = trial.counting_attempt()?.number;
        let active = trial.state.active_attempt();
        let mut seconds = 0.0;
        for number in (trial.first_attempt..=last).filter(|number| Some(*number) != active) {
            seconds += self.of_ended(run, &trial.id, number);
        }
        match active {
            Some(number) => {
                let is_starting = matches!(trial.state, State::Starting { .. });
                let started_ms = self
                    .started_ms(run, &trial.id, number)
                    .or_else(|| (is_starting && executor == Executor::Local).then_some(now_ms))?;
                Some(seconds + (now_ms - started_ms).max(0) as f64 / 1e3)
            }
            None => (seconds > 0.0).then_some(seconds),
        }
    }

    fn of_ended(&mut self, run: &RunDir, id: &TrialId, number: u32) -> f64 {
        let ended = self.ended.entry(id.clone()).or_default();
        *ended.entry(number).or_insert_with(|| {
            match ownership::attempt_status(&run.attempt(id, number)) {
                Ok(AttemptStatus::Ended(exit)) => exit.seconds(),
                _ => 0.0,
            }
        })
    }

    /// The time at which the holder of an active attempt became its owner.
    fn started_ms(&mut self, run: &RunDir, id: &TrialId, number: u32) -> Option<i64> {
        if let Some((_, started_ms)) = self.started_ms.get(id).filter(|(of, _)| *of == number) {
            return Some(*started_ms);
        }
        let started_ms = match ownership::attempt_status(&run.attempt(id, number)).ok()? {
            AttemptStatus::Held(Some(owner)) | AttemptStatus::Unknown(owner) => owner.time_ms,
            _ => return None,
        };
        self.started_ms.insert(id.clone(), (number, started_ms));
        Some(started_ms)
    }
}

/// The finished trials by which the times of others are estimated.
pub(crate) fn samples(trials: &[&TrialRecord]) -> BTreeSet<TrialId> {
    let mut by_variant = BTreeMap::<_, Vec<_>>::new();
    for trial in trials.iter().filter(|trial| matches!(trial.state, State::Succeeded { .. })) {
        let started_ms = trial.last_attempt.as_ref().map(|attempt| attempt.started_ms);
        by_variant.entry(&trial.variant).or_default().push((started_ms, &trial.id));
    }
    let mut samples = BTreeSet::new();
    for mut trials in by_variant.into_values() {
        trials.sort_unstable_by(|a, b| b.cmp(a));
        samples.extend(trials.into_iter().take(SAMPLES).map(|(_, id)| id.clone()));
    }
    samples
}
