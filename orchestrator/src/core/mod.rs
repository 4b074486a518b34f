//! The decisions of a run: values in, actions out. No clock, no files, no tokio, no SQL.
//!
//! The supervisor tells the core what happened as an [`Input`] and performs the [`Action`]s that
//! come back, in order. Everything that the core decides about a trial's state goes through
//! [`State::apply`].

mod retry;
mod state;

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::file::Retry;

pub use retry::{Ending, History, Verdict, judge};
pub use state::{Change, IllegalTransition, State};

/// A trial's id: `<variant>-s<seed>-<hash8>`, also the name of its folder.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl std::fmt::Display for TrialId {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A holder has taken up the trial's attempt.
    Claimed(TrialId),
    /// The worker has saved a checkpoint at this step.
    Checkpointed(TrialId, u64),
    /// The worker has come to this step.
    Reached(TrialId, u64),
    /// The attempt is over.
    Ended(TrialId, Ending),
    /// Slots are leased for the trial that [`Core::next`] named.
    Leased(TrialId),
    /// There are none now, for this reason.
    Blocked(TrialId, String),
    /// Somebody asked the run to stop. Once: with checkpoints. Again: at once.
    Interrupt,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write down that the trial goes from one state to the next.
    Record {
        /// The trial.
        trial: TrialId,
        /// Its state before.
        from: State,
        /// Its state from now on.
        to: State,
    },
    /// Start this attempt with the slots that were leased.
    Start(TrialId, u32),
    /// Ask the attempt's holder to let the worker save a checkpoint and end.
    Stop(TrialId, u32),
    /// End the attempt's processes at once.
    Kill(TrialId, u32),
}

/// What the core knows of a trial.
#[derive(Debug, Clone)]
struct Trial {
    state: State,
    attempts: u32,
    history: History,
    /// Not before this time, in milliseconds since the Unix epoch.
    ready_ms: i64,
}

/// How far a requested stop has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stopping {
    No,
    WithCheckpoint,
    AtOnce,
}

/// The state of a run and the rules that move it.
#[derive(Debug, Clone)]
pub struct Core {
    /// In the order in which they are started.
    order: Vec<TrialId>,
    trials: BTreeMap<TrialId, Trial>,
    retry: Retry,
    jobs: usize,
    stopping: Stopping,
}

impl Core {
    /// A run of trials in the order in which they shall start, each with its state and the number
    /// of attempts that it has had. At most `jobs` run at once.
    pub fn new(
        trials: impl IntoIterator<Item = (TrialId, State, u32)>,
        retry: Retry,
        jobs: usize,
    ) -> Self {
        let mut order = Vec::new();
        let mut known = BTreeMap::new();
        for (id, state, attempts) in trials {
            order.push(id.clone());
            known.insert(id, Trial { state, attempts, history: History::default(), ready_ms: 0 });
        }
        Self { order, trials: known, retry, jobs, stopping: Stopping::No }
    }

    /// A trial's state.
    pub fn state(&self, trial: &TrialId) -> Option<&State> {
        self.trials.get(trial).map(|t| &t.state)
    }

    /// Every trial with its state, in starting order.
    pub fn states(&self) -> impl Iterator<Item = (&TrialId, &State)> {
        self.order.iter().map(|id| (id, &self.trials[id].state))
    }

    /// The trials that have an attempt under way, with its number.
    pub fn active(&self) -> impl Iterator<Item = (&TrialId, u32)> {
        self.states().filter_map(|(id, state)| Some((id, state.attempt_under_way()?)))
    }

    /// Whether nothing is under way and nothing will be started any more.
    pub fn is_done(&self) -> bool {
        let stopping = self.stopping > Stopping::No;
        self.trials
            .values()
            .all(|trial| trial.state.is_settled() || (stopping && trial.is_queued()))
    }

    /// Whether a stop has been asked for.
    pub fn is_stopping(&self) -> bool {
        self.stopping > Stopping::No
    }

    /// The trial to start next, if one may start at `now_ms` (since the Unix epoch).
    pub fn next(&self, now_ms: i64) -> Option<&TrialId> {
        if self.is_stopping() || self.active().count() >= self.jobs {
            return None;
        }
        let ready = |trial: &Trial| trial.is_queued() && trial.ready_ms <= now_ms;
        self.order.iter().find(|id| ready(&self.trials[*id]))
    }

    /// Takes in what happened at `now_ms` (since the Unix epoch) and says what is to be done.
    pub fn handle(&mut self, input: Input, now_ms: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Claimed(id) => {
                if let Some(State::Starting { attempt }) = self.state(&id) {
                    let change = Change::Claimed { attempt: *attempt };
                    self.change(&id, change, &mut actions);
                }
            }
            Input::Checkpointed(id, step) => self.trial(&id).history.checkpointed(step),
            Input::Reached(id, step) => self.trial(&id).history.reached(step),
            Input::Ended(id, ending) => self.on_ended(&id, &ending, now_ms, &mut actions),
            Input::Leased(id) => {
                let trial = self.trial(&id);
                trial.attempts += 1;
                trial.history.started();
                let attempt = trial.attempts;
                self.change(&id, Change::Start { attempt }, &mut actions);
                actions.push(Action::Start(id, attempt));
            }
            Input::Blocked(id, reason) => {
                self.change(&id, Change::Queue { reason }, &mut actions);
            }
            Input::Interrupt => self.on_interrupt(&mut actions),
        }
        actions
    }

    fn trial(&mut self, id: &TrialId) -> &mut Trial {
        self.trials.get_mut(id).expect("inputs speak of this run's trials")
    }

    /// The only place where a trial's state changes.
    fn change(&mut self, id: &TrialId, change: Change, actions: &mut Vec<Action>) {
        let trial = self.trial(id);
        let from = trial.state.clone();
        let to = from.clone().apply(change).expect("the core asks only for legal transitions");
        trial.state = to.clone();
        if from != to {
            actions.push(Action::Record { trial: id.clone(), from, to });
        }
    }

    fn on_ended(&mut self, id: &TrialId, ending: &Ending, now_ms: i64, actions: &mut Vec<Action>) {
        let (policy, stopping) = (self.retry.clone(), self.is_stopping());
        let trial = self.trial(id);
        let Some(attempt) = trial.state.attempt_under_way() else { return };
        let verdict = judge(ending, &mut trial.history, &policy);
        let change = match verdict {
            Verdict::Succeeded => Change::Succeed { attempt },
            Verdict::Failed { class, message } => Change::Fail { attempt, class, message },
            Verdict::Again { reason, .. } if stopping => Change::Interrupt { attempt, reason },
            Verdict::Again { reason, after } => {
                trial.ready_ms = now_ms + millis(after);
                Change::Queue { reason }
            }
        };
        self.change(id, change, actions);
    }

    fn on_interrupt(&mut self, actions: &mut Vec<Action>) {
        self.stopping = match self.stopping {
            Stopping::No => Stopping::WithCheckpoint,
            Stopping::WithCheckpoint | Stopping::AtOnce => Stopping::AtOnce,
        };
        let at_once = self.stopping == Stopping::AtOnce;
        let active = self.active().map(|(id, attempt)| (id.clone(), attempt));
        actions.extend(active.map(|(id, attempt)| {
            if at_once { Action::Kill(id, attempt) } else { Action::Stop(id, attempt) }
        }));
    }
}

impl Trial {
    fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued { .. })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attempt::{Exit, Outcome};

    fn id(n: usize) -> TrialId {
        TrialId(format!("t{n}"))
    }

    fn queued(n: usize) -> Core {
        let state = || State::Queued { reason: "new".to_owned() };
        Core::new((0..n).map(|i| (id(i), state(), 0)), Retry::default(), 2)
    }

    fn start_all(core: &mut Core, now_ms: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(next) = core.next(now_ms).cloned() {
            actions.extend(core.handle(Input::Leased(next), now_ms));
        }
        actions
    }

    fn exited(code: i32) -> Ending {
        let outcome = Outcome::Exited { code };
        let exit =
            Exit { outcome, stop: None, killed: false, leftovers: 0, started_ms: 0, ended_ms: 0 };
        Ending::Recorded { exit, said: None }
    }

    #[test]
    fn trials_start_in_order_and_as_many_as_fit() {
        let mut core = queued(3);
        let actions = start_all(&mut core, 0);
        let started: Vec<_> = actions.iter().filter(|a| matches!(a, Action::Start(..))).collect();
        assert_eq!(started, [&Action::Start(id(0), 1), &Action::Start(id(1), 1)]);
        core.handle(Input::Ended(id(1), exited(0)), 0);
        assert_eq!(core.next(0), Some(&id(2)));
    }

    #[test]
    fn a_failed_attempt_waits_before_the_next() {
        let mut core = queued(1);
        start_all(&mut core, 0);
        core.handle(Input::Ended(id(0), exited(1)), 1_000);
        assert_eq!(core.next(10_999), None);
        assert_eq!(core.next(11_000), Some(&id(0)));
        let actions = start_all(&mut core, 11_000);
        assert_eq!(actions.last(), Some(&Action::Start(id(0), 2)));
    }

    #[test]
    fn an_interrupted_run_starts_nothing_more_and_ends() {
        let mut core = queued(3);
        start_all(&mut core, 0);
        let stops = core.handle(Input::Interrupt, 0);
        assert_eq!(stops, [Action::Stop(id(0), 1), Action::Stop(id(1), 1)]);
        let kills = core.handle(Input::Interrupt, 0);
        assert_eq!(kills, [Action::Kill(id(0), 1), Action::Kill(id(1), 1)]);
        core.handle(Input::Ended(id(0), exited(75)), 0);
        assert!(!core.is_done());
        core.handle(Input::Ended(id(1), Ending::Lost), 0);
        assert!(core.is_done());
        assert!(matches!(core.state(&id(0)), Some(State::Interrupted { attempt: 1, .. })));
        assert!(matches!(core.state(&id(2)), Some(State::Queued { .. })));
    }

    #[test]
    fn waiting_for_a_slot_is_recorded_once_per_reason() {
        let mut core = queued(1);
        let full = || Input::Blocked(id(0), "no CPU is free".to_owned());
        assert_eq!(core.handle(full(), 0).len(), 1);
        assert_eq!(core.handle(full(), 1), []);
    }

    proptest! {
        /// Whatever happens in whatever order, a settled trial stays settled, no more than the
        /// allowed number run at once, and attempts are counted without gaps.
        #[test]
        fn no_sequence_of_inputs_breaks_the_rules(
            inputs in prop::collection::vec((0..3usize, 0..6u8), 1..200)
        ) {
            let mut core = queued(3);
            let mut last_attempt = [0u32; 3];
            for (now_ms, (n, kind)) in (0i64..).step_by(5_000).zip(inputs) {
                let settled: Vec<_> = core.states().filter(|(_, s)| s.is_settled())
                    .map(|(i, s)| (i.clone(), s.clone())).collect();
                let input = match kind {
                    0 => Input::Claimed(id(n)),
                    1 => Input::Checkpointed(id(n), now_ms as u64),
                    2 => Input::Ended(id(n), exited(0)),
                    3 => Input::Ended(id(n), exited(1)),
                    4 => Input::Ended(id(n), Ending::Lost),
                    _ => Input::Reached(id(n), now_ms as u64),
                };
                let mut actions = core.handle(input, now_ms);
                actions.extend(start_all(&mut core, now_ms));
                for action in actions {
                    if let Action::Start(trial, attempt) = action {
                        let n: usize = trial.0[1..].parse().unwrap();
                        prop_assert_eq!(attempt, last_attempt[n] + 1);
                        last_attempt[n] = attempt;
                    }
                }
                prop_assert!(core.active().count() <= 2);
                for (trial, state) in settled {
                    prop_assert_eq!(core.state(&trial), Some(&state));
                }
            }
        }
    }
}
