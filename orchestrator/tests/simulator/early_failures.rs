//! The rule for trials that all fail the same way before their first event a second time, from what
//! truly happened.

use std::collections::BTreeSet;

use experiments::protocol::trial_id::TrialId;
use orchestrator::run_dir::attempt::Outcome;

use crate::oracle::End;
use crate::simulation::Simulation;
use crate::users::Call;

/// The attempts of one supervisor, as far as the rule goes.
#[derive(Debug, Clone)]
pub(crate) struct EarlyFailures {
    /// True once a worker has reported anything, or succeeded.
    pub(crate) works: bool,
    /// The attempts that this supervisor has started.
    pub(crate) started: BTreeSet<(TrialId, u32)>,
    keep_going: bool,
    to_run: usize,
    /// Those that failed before their first event: how, and the last line of the log.
    failed: Vec<(TrialId, Outcome, &'static str)>,
}

impl EarlyFailures {
    pub(crate) fn new(call: &Call, to_run: usize) -> Self {
        let (works, started, failed) = (false, BTreeSet::new(), Vec::new());
        Self { works, started, keep_going: call.keep_going, to_run, failed }
    }

    pub(crate) fn forget(&mut self, trial: &TrialId) {
        self.failed.retain(|(failed, ..)| failed != trial);
    }

    /// The end of an attempt is about to be recorded.
    pub(crate) fn ended(&mut self, sim: &Simulation, trial: &TrialId, number: u32) {
        let key = (trial.clone(), number);
        let attempt = &sim.world.attempts[&key];
        self.works |= attempt.end == Some(End::Success);
        let by_itself =
            matches!(attempt.end, Some(End::Crashed(_) | End::Permanent("config" | "not-started")));
        let silent = attempt.events.is_empty() && attempt.failure.is_none();
        let asked = sim.disk.cause(trial, number).is_some();
        if let Some(exit) = &attempt.exit
            && by_itself
            && silent
            && !asked
            && self.started.contains(&key)
        {
            self.failed.push((trial.clone(), exit.outcome.clone(), attempt.last_line));
        }
    }

    /// True if three trials have failed the same way, or all of fewer but more than one, and nothing
    /// shows that the worker works.
    pub(crate) fn queue_waits(&self) -> bool {
        let enough = self.to_run.clamp(2, 3);
        let same_as = |(_, outcome, last_line): &(TrialId, Outcome, &'static str)| {
            let same = self.failed.iter().filter(|(_, o, l)| o == outcome && l == last_line);
            same.map(|(trial, ..)| trial).collect::<BTreeSet<_>>().len()
        };
        !self.keep_going
            && !self.works
            && self.failed.iter().any(|failed| same_as(failed) >= enough)
    }
}
