//! Checks of every decision when it is made, and of the world at every moment. None of them reads the
//! state of the core: the journal and the true state of the world are enough.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use experiments::schema::file::AfterStall;
use orchestrator::scheduler::{State, StopCause};
use orchestrator::store::journal_file::Entry;

use crate::attempt::Ownership;
use crate::early_failures::EarlyFailures;
use crate::oracle::{self, Expected, Tried};
use crate::simulation::Simulation;
use crate::supervisor::{STALLED_AFTER_MS, Supervisor};
use crate::users::Call;
use crate::world::World;

/// The decisions that a supervisor may make, given the requests of users.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    /// The trials of the request that is being handled.
    pub(crate) requested: BTreeSet<TrialId>,
    /// True after a request to stop the run, or too many failures.
    pub(crate) stops: bool,
    left_out: BTreeSet<TrialId>,
    jobs: usize,
    may_fail: Option<u32>,
    /// The earliest time of each trial's next attempt.
    ready_ms: BTreeMap<TrialId, i64>,
    early_failures: EarlyFailures,
}

impl Watch {
    pub(crate) fn new(call: &Call, left_out: BTreeSet<TrialId>, to_run: usize) -> Self {
        Self {
            requested: BTreeSet::new(),
            stops: false,
            left_out,
            jobs: call.jobs.unwrap_or(usize::MAX),
            may_fail: call.max_fails,
            ready_ms: BTreeMap::new(),
            early_failures: EarlyFailures::new(call, to_run),
        }
    }

    /// An event has been read.
    pub(crate) fn on_event(&mut self) {
        self.early_failures.works = true;
    }
}

/// A decision is about to be recorded.
pub(crate) fn decision(sim: &mut Simulation, watch: &mut Watch, entry: &Entry) {
    match entry {
        Entry::Changed { trial, from, to, .. } => change(sim, watch, trial, from, to),
        Entry::AttemptsReset { trial, .. } => {
            assert!(
                watch.requested.contains(trial),
                "the attempts of {trial} are reset without a request"
            );
            watch.left_out.remove(trial);
            watch.ready_ms.remove(trial);
            watch.early_failures.forget(trial);
        }
        Entry::StoppingAttempt { trial, attempt, cause } => {
            stop(sim, watch, trial, *attempt, *cause);
        }
        Entry::Imported { trial, .. } => panic!("a supervisor imports {trial}"),
        Entry::DamageAccepted { .. } => panic!("a supervisor accepts damage"),
        Entry::Unrecorded { .. } => panic!("a journal has lost a trial"),
        Entry::Planned(_)
        | Entry::Stalled { .. }
        | Entry::Recovered { .. }
        | Entry::StoppingRun { .. }
        | Entry::Removed { .. } => {}
    }
}

fn change(sim: &mut Simulation, watch: &mut Watch, trial: &TrialId, from: &State, to: &State) {
    assert_eq!(sim.disk.state(trial), from, "{trial} is not in state {from:?}");
    assert!(!matches!(from, State::Succeeded { .. }), "{trial} has succeeded and becomes {to:?}");
    if from.is_settled() {
        assert!(watch.requested.contains(trial), "{trial} leaves {from:?} without a request");
        sim.unwanted.remove(trial);
        let needs_reset = !matches!(from, State::Interrupted { .. });
        let fresh = sim.disk.attempts_reset(trial) == sim.disk.attempts(trial);
        assert!(!needs_reset || fresh, "{trial} leaves {from:?} without a reset of its attempts");
    }
    match (from.active_attempt(), to) {
        (None, State::Starting { attempt }) => may_start(sim, watch, trial, *attempt),
        (None, State::Cancelled { .. }) => {
            assert!(watch.requested.contains(trial), "{trial} is cancelled without a request");
        }
        (None, _) => assert!(matches!(to, State::Queued { .. }), "{trial}: {from:?} to {to:?}"),
        (Some(number), State::Running { .. }) => {
            let ownership = sim.world.attempt(trial, number).ownership;
            assert_ne!(ownership, Ownership::Free, "{trial} runs without an owner");
        }
        (Some(number), _) => ended(sim, watch, trial, number, to),
    }
    if matches!(to, State::Failed { .. }) {
        watch.may_fail = watch.may_fail.map(|left| left.saturating_sub(1));
        watch.stops |= watch.may_fail == Some(0);
    }
}

/// The retry policy is applied exactly.
fn ended(sim: &mut Simulation, watch: &mut Watch, trial: &TrialId, number: u32, to: &State) {
    watch.early_failures.ended(sim, trial, number);
    let tried = tried(sim, trial, number);
    let shares_gpu = shares_gpu(&sim.world);
    let expected = oracle::expected_state(&tried, &sim.retry, shares_gpu);
    sim.world.count(match expected {
        Expected::Succeeded => "a trial succeeds",
        Expected::Failed(class) => class,
        Expected::Retried(_) => "a trial is to be tried again",
    });
    let cancelled = sim.disk.cause(trial, number) == Some(StopCause::Cancelled);
    let stays = watch.stops || sim.disk.is_retired(trial);
    let well = match (&expected, to) {
        (Expected::Succeeded, State::Succeeded { .. }) => true,
        (Expected::Failed(expected), State::Failed { class, .. }) => class.as_str() == *expected,
        (Expected::Retried(_), State::Cancelled { .. }) => cancelled,
        (Expected::Retried(_), State::Interrupted { .. }) => stays && !cancelled,
        (Expected::Retried(wait_ms), State::Queued { .. }) => {
            watch.ready_ms.insert(trial.clone(), sim.world.now_ms + wait_ms);
            !stays && !cancelled
        }
        _ => false,
    };
    assert!(well, "{trial}: {expected:?} is expected after {tried:#?}, and not {to:?}");
}

fn may_start(sim: &Simulation, watch: &mut Watch, trial: &TrialId, number: u32) {
    assert!(!watch.stops, "{trial} is started by a run that is to stop");
    let waits = watch.early_failures.queue_waits();
    assert!(!waits, "{trial} is started although all before it have failed the same way");
    let (started, key) = (&mut watch.early_failures.started, (trial.clone(), number));
    started.insert(key);
    assert!(!sim.disk.is_retired(trial), "{trial} is retired and started");
    assert!(!watch.left_out.contains(trial), "{trial} is left out and started");
    assert!(!sim.unwanted.contains(trial), "{trial} is started after a request to stop it");
    assert_eq!(number, sim.disk.attempts(trial) + 1, "{trial}: attempts are counted by one");
    let active = sim.disk.states().filter(|(_, s)| s.active_attempt().is_some()).count();
    assert!(active < watch.jobs, "{trial} is started as one too many");
    let ready_ms = watch.ready_ms.get(trial).copied().unwrap_or(0);
    assert!(sim.world.now_ms >= ready_ms, "{trial} is started without a wait");
    let others = sim.world.attempts.iter().filter(|((id, _), a)| id == trial && a.computes());
    assert_eq!(others.count(), 0, "{trial} is started while another attempt of it computes");
}

/// A supervisor has ended by itself: no trial waits, unless the run was to stop.
pub(crate) fn nothing_waits_without_a_cause(sim: &mut Simulation, s: &Supervisor) {
    let watch = &s.watch;
    if s.verb_for.is_some() || watch.stops {
        return;
    }
    let waits = watch.early_failures.queue_waits();
    if waits {
        sim.world.count("a run ends as all trials fail the same way");
    }
    for (trial, state) in sim.disk.states() {
        let is_to_run = !sim.disk.is_retired(trial) && !watch.left_out.contains(trial);
        let is_queued = matches!(state, State::Queued { .. });
        assert!(waits || !(is_to_run && is_queued), "{trial} waits and the run has ended");
    }
}

/// An attempt is about to be started with these slots.
pub(crate) fn start(sim: &mut Simulation, trial: &TrialId, number: u32, lease: &[(usize, u8)]) {
    let before = tried(sim, trial, number - 1);
    let alone = shares_gpu(&sim.world) && oracle::ran_out_of_memory(&before);
    if alone {
        sim.world.count("a trial gets a whole GPU after its memory was full");
    }
    let whole = |(_, twelfths): &(usize, u8)| *twelfths == 12;
    assert!(!alone || lease.iter().all(whole), "{trial} ran out of memory and shares again");
}

/// The true ends of a trial's attempts that count, up to `number`.
fn tried(sim: &Simulation, trial: &TrialId, number: u32) -> Vec<Tried> {
    let counting = sim.disk.attempts_reset(trial) + 1..=number;
    let tried = |number| {
        let attempt = sim.world.attempts.get(&(trial.clone(), number));
        let attempt = attempt.unwrap_or_else(|| panic!("{trial} has no attempt {number}"));
        let end = attempt.end.unwrap_or_else(|| panic!("{trial}'s attempt {number} goes on"));
        let cause = sim.disk.cause(trial, number);
        let by_user = cause.is_some_and(|cause| cause > StopCause::Stalled);
        Tried { end, saved: attempt.saved(), by_user }
    };
    counting.map(tried).collect()
}

fn stop(sim: &mut Simulation, watch: &Watch, trial: &TrialId, number: u32, cause: StopCause) {
    let well = match cause {
        StopCause::Stalled => {
            let attempt = sim.world.attempt(trial, number).clone();
            let stalled_ms = sim.world.now_ms - attempt.last_event_ms;
            sim.world.count("a stalled attempt is stopped");
            sim.after_stall == AfterStall::Retry && stalled_ms >= STALLED_AFTER_MS
        }
        StopCause::Retired => sim.disk.is_retired(trial),
        StopCause::Interrupted => watch.stops,
        StopCause::Cancelled => {
            sim.unwanted.insert(trial.clone());
            watch.requested.contains(trial)
        }
    };
    assert!(well, "{trial} is stopped for no reason: {cause:?}");
}

/// A request to stop these trials has been handled: it is recorded now.
pub(crate) fn is_to_stop(sim: &Simulation, s: &Supervisor, trials: &[TrialId]) {
    for trial in trials.iter().filter(|trial| s.scheduler.state(trial).is_some()) {
        let state = sim.disk.state(trial);
        let asked = state
            .active_attempt()
            .is_some_and(|number| sim.disk.cause(trial, number) == Some(StopCause::Cancelled));
        assert!(asked || state.is_settled(), "{trial} goes on after a request to stop it");
    }
}

/// The supervisor has just detected a stall.
pub(crate) fn a_stalled_attempt_is_stopped(sim: &Simulation, trial: &TrialId, number: u32) {
    let to_stop = sim.after_stall == AfterStall::Retry;
    assert!(!to_stop || sim.disk.cause(trial, number).is_some(), "{trial} stays stalled forever");
}

/// Every stop that is recorded has been requested from its holder.
pub(crate) fn every_stop_is_requested(sim: &Simulation, s: &Supervisor) {
    for (trial, number) in s.scheduler.active() {
        let asked = match sim.disk.cause(trial, number) {
            Some(StopCause::Cancelled | StopCause::Stalled) => true,
            Some(StopCause::Interrupted) => s.watch.stops,
            Some(StopCause::Retired) | None => false,
        };
        let due = asked || sim.disk.is_retired(trial);
        let attempt = sim.world.attempts.get(&(trial.clone(), number));
        let requested = attempt.is_none_or(|attempt| attempt.stop.is_some() || !attempt.prepared);
        assert!(!due || requested, "{trial} is to stop, and its holder does not know");
    }
}

/// A worker has just been started.
pub(crate) fn only_one_works(world: &World, trial: &TrialId, number: u32) {
    let active: Vec<_> = world
        .attempts
        .iter()
        .filter(|((id, _), attempt)| id == trial && attempt.computes())
        .map(|((_, number), _)| *number)
        .collect();
    assert_eq!(active, [number], "{trial} is run more than once at a time");
}

/// The number of attempts with processes on a GPU, and the twelfths of it that they hold.
pub(crate) fn on_gpu(world: &World, gpu: usize) -> (usize, usize) {
    let held = world.attempts.values().filter(|attempt| attempt.has_processes());
    let held = held.flat_map(|attempt| &attempt.lease).filter(|(at, _)| *at == gpu);
    held.fold((0, 0), |(trials, taken), (_, twelfths)| (trials + 1, taken + usize::from(*twelfths)))
}

/// No GPU has more trials than it can take.
pub(crate) fn nothing_is_over_booked(world: &World) {
    for gpu in 0..world.gpus {
        let (trials, taken) = on_gpu(world, gpu);
        assert!(taken <= 12, "GPU {gpu} has {taken} twelfths taken");
        let cap = world.resources.per_gpu.unwrap_or(12) as usize;
        assert!(trials <= cap, "GPU {gpu} has {trials} trials of {cap}");
    }
}

fn shares_gpu(world: &World) -> bool {
    world.gpus > 0 && world.resources.share.twelfths() < 12
}

/// After a whole run without faults.
pub(crate) fn everything_has_ended(sim: &Simulation) {
    for trial in &sim.file {
        let flawed = sim.world.scripts[trial].flaw.is_some();
        let well = match sim.disk.state(trial) {
            State::Succeeded { attempt } => {
                let attempt = &sim.world.attempts[&(trial.clone(), *attempt)];
                !flawed && attempt.end == Some(oracle::End::Success)
            }
            State::Failed { .. } => flawed,
            _ => false,
        };
        assert!(well, "{trial} is {:?} in the end", sim.disk.state(trial));
    }
    for (trial, state) in sim.disk.states() {
        assert_eq!(state.active_attempt(), None, "{trial} was forgotten");
    }
    assert_eq!(sim.disk.requests, []);
}
