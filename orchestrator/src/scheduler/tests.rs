//! The core against sequences of inputs: by example, and whatever comes.

use experiments::protocol::failure::{Failure, FailureClass};
use experiments::schema::file::{AfterStall, Retry};
use proptest::prelude::*;

use super::*;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::attempt::{Exit, Outcome, StopSource};
use experiments::protocol::trial_id::TrialId;

fn id(n: usize) -> TrialId {
    TrialId(format!("t{n}"))
}

fn recovered(n: usize) -> RecoveredTrial {
    let state = State::Queued { reason: "new".to_owned() };
    let weight = Weight { variant: format!("v{n}"), priority: 0, cost: 1.0 };
    RecoveredTrial {
        id: id(n),
        role: Role::Carried,
        weight,
        state,
        past: Vec::new(),
        attempts_reset: 0,
    }
}

fn policy() -> Policy {
    let (retry, after_stall) = (Retry::default(), AfterStall::Retry);
    Policy { retry, jobs: 2, max_fails: None, after_stall, shares_gpu: true }
}

fn queued(n: usize) -> Core {
    Core::new((0..n).map(recovered), policy())
}

fn start_all(core: &mut Core, now_ms: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(next) = core.next(now_ms).cloned() {
        actions.extend(core.handle(Input::Leased(next), now_ms));
    }
    actions
}

fn recorded(outcome: Outcome, stop: Option<StopSource>) -> Ending {
    let exit = Exit {
        outcome,
        stop,
        killed: false,
        orphans: 0,
        disk_full: false,
        started_ms: 0,
        ended_ms: 0,
    };
    Ending::Recorded { exit, failure: None }
}

fn exited(code: i32) -> Ending {
    recorded(Outcome::Exited { code }, None)
}

fn stopped() -> Ending {
    recorded(Outcome::Exited { code: 75 }, Some(StopSource::Requested))
}

fn attempt(number: u32) -> PastAttempt {
    let (checkpoint, step, cause, ending) = (None, None, None, None);
    PastAttempt { number, checkpoint, step, cause, stalled: false, ending }
}

fn full() -> Ending {
    let failure = Some(Failure { class: FailureClass::CudaOom, message: "no memory".to_owned() });
    match exited(1) {
        Ending::Recorded { exit, .. } => Ending::Recorded { exit, failure },
        other => other,
    }
}

fn name(core: &Core, n: usize) -> &'static str {
    core.state(&id(n)).unwrap().name()
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
    let stops = core.handle(Input::Interrupt(StopMode::Graceful), 0);
    let intend = |n| Action::RecordStop(id(n), 1, StopCause::Interrupted);
    assert_eq!(stops, [intend(0), Action::Stop(id(0), 1), intend(1), Action::Stop(id(1), 1)]);
    let kills = core.handle(Input::Interrupt(StopMode::Immediate), 0);
    assert_eq!(kills, [Action::Kill(id(0), 1), Action::Kill(id(1), 1)]);
    core.handle(Input::Ended(id(0), stopped()), 0);
    assert!(!core.is_done());
    core.handle(Input::Ended(id(1), Ending::Lost(String::new())), 0);
    assert!(core.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&core, n)), ["interrupted", "interrupted", "queued"]);
}

#[test]
fn a_cancelled_trial_is_not_carried_on_and_the_others_are() {
    let mut core = queued(3);
    start_all(&mut core, 0);
    core.handle(Input::Cancel(id(2), StopMode::Graceful), 0);
    let actions = core.handle(Input::Cancel(id(0), StopMode::Graceful), 0);
    assert_eq!(
        actions,
        [Action::RecordStop(id(0), 1, StopCause::Cancelled), Action::Stop(id(0), 1)]
    );
    core.handle(Input::Ended(id(0), stopped()), 0);
    assert_eq!([0, 1, 2].map(|n| name(&core, n)), ["cancelled", "starting", "cancelled"]);
    assert_eq!(core.next(0), None);
    core.handle(Input::Ended(id(1), exited(0)), 0);
    assert!(core.is_done());
}

#[test]
fn a_trial_that_ends_well_before_its_stop_has_succeeded() {
    let mut core = queued(1);
    start_all(&mut core, 0);
    core.handle(Input::Cancel(id(0), StopMode::Graceful), 0);
    core.handle(Input::Ended(id(0), exited(0)), 0);
    assert_eq!(name(&core, 0), "succeeded");
}

#[test]
fn a_retry_gives_a_fresh_budget_and_starts_at_once() {
    let mut core = queued(1);
    for _ in 0..3 {
        start_all(&mut core, i64::MAX / 2);
        core.handle(Input::Ended(id(0), exited(1)), 0);
    }
    assert_eq!(name(&core, 0), "failed");
    let actions = core.handle(Input::Retry(id(0)), 0);
    assert_eq!(actions[0], Action::ResetAttempts(id(0)));
    assert_eq!(start_all(&mut core, 0).last(), Some(&Action::Start(id(0), 4)));
    core.handle(Input::Ended(id(0), exited(1)), 0);
    assert_eq!(name(&core, 0), "queued");
    // What needs no retry gets none.
    assert_eq!(core.handle(Input::Retry(id(0)), 0), []);
}

#[test]
fn too_many_failures_stop_the_run_and_not_its_queue() {
    let retry = Retry { attempts: 1, ..Retry::default() };
    let mut core =
        Core::new((0..3).map(recovered), Policy { retry, max_fails: Some(1), ..policy() });
    start_all(&mut core, 0);
    let actions = core.handle(Input::Ended(id(0), exited(1)), 0);
    assert_eq!(actions.last(), Some(&Action::Stop(id(1), 1)));
    assert_eq!(core.stopping(), Some(StopRequest::TooManyFailures));
    core.handle(Input::Ended(id(1), stopped()), 0);
    assert!(core.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&core, n)), ["failed", "interrupted", "queued"]);
}

#[test]
fn who_is_left_out_is_watched_and_who_is_retired_is_stopped() {
    let active = |n: usize, role| {
        let past = attempt(1);
        let state = State::Running { attempt: 1 };
        RecoveredTrial { role, state, past: vec![past], ..recovered(n) }
    };
    let left_out = RecoveredTrial { role: Role::LeftOut, ..recovered(2) };
    let trials = [active(0, Role::LeftOut), active(1, Role::Retired), left_out];
    let mut core = Core::new(trials, policy());
    let actions = core.handle(Input::Began, 0);
    assert_eq!(actions, [Action::RecordStop(id(1), 1, StopCause::Retired), Action::Stop(id(1), 1)]);
    core.handle(Input::Ended(id(0), exited(1)), 0);
    assert!(!core.is_done());
    core.handle(Input::Ended(id(1), stopped()), 0);
    assert!(core.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&core, n)), ["queued", "interrupted", "queued"]);
    assert_eq!(core.next(i64::MAX), None);
}

#[test]
fn a_stalled_attempt_is_told_once_and_stopped_where_the_file_says_so() {
    let mut core = queued(1);
    start_all(&mut core, 0);
    let actions = core.handle(Input::Stalled(id(0)), 0);
    let intend = Action::RecordStop(id(0), 1, StopCause::Stalled);
    assert_eq!(
        actions,
        [Action::RecordLiveness(id(0), 1, Liveness::Stalled), intend, Action::Stop(id(0), 1)]
    );
    assert_eq!(core.handle(Input::Stalled(id(0)), 0), []);
    let heard = Action::RecordLiveness(id(0), 1, Liveness::Recovered);
    assert_eq!(core.handle(Input::Recovered(id(0)), 0), [heard]);
    core.handle(Input::Ended(id(0), stopped()), 0);
    let State::Queued { reason } = core.state(&id(0)).unwrap() else { panic!("not queued") };
    assert_eq!(reason, "stalled: nothing was heard of it; will go on");
}

#[test]
fn a_stall_is_stopped_by_the_next_supervisor_if_the_first_died_over_it() {
    let past = PastAttempt { stalled: true, ..attempt(1) };
    let state = State::Running { attempt: 1 };
    let mut core =
        Core::new([RecoveredTrial { state, past: vec![past], ..recovered(0) }], policy());
    assert_eq!(core.handle(Input::Began, 0), []);
    let actions = core.handle(Input::Stalled(id(0)), 0);
    assert_eq!(actions, [Action::RecordStop(id(0), 1, StopCause::Stalled), Action::Stop(id(0), 1)]);
    assert_eq!(core.handle(Input::Stalled(id(0)), 0), []);
}

#[test]
fn what_has_been_measured_changes_the_order_of_the_others() {
    let weigh = |n: usize, cost| {
        let weight = Weight { variant: format!("v{n}"), priority: 0, cost };
        RecoveredTrial { weight, ..recovered(n) }
    };
    // Of variant 1 there are two trials.
    let twin = RecoveredTrial { id: id(3), ..weigh(1, 2.0) };
    let trials = [weigh(0, 3.0), weigh(1, 2.0), weigh(2, 1.0), twin];
    let mut core = Core::new(trials, Policy { jobs: 1, ..policy() });
    let took = |ms| {
        let Ending::Recorded { exit, failure } = exited(0) else { panic!("not recorded") };
        Ending::Recorded { exit: Exit { ended_ms: ms, ..exit }, failure }
    };
    let mut started = Vec::new();
    // Trial 1 is over in a moment, and so will be its twin.
    for ms in [300, 1, 1, 1] {
        let next = core.next(0).unwrap().clone();
        core.handle(Input::Leased(next.clone()), 0);
        core.handle(Input::Ended(next.clone(), took(ms)), 0);
        started.push(next);
    }
    assert_eq!(started, [id(0), id(1), id(2), id(3)]);
}

#[test]
fn waiting_for_a_slot_is_recorded_once_per_reason() {
    let mut core = queued(1);
    let full = || Input::Blocked(id(0), "no CPU is free".to_owned());
    assert_eq!(core.handle(full(), 0).len(), 1);
    assert_eq!(core.handle(full(), 1), []);
}

fn input(n: usize, kind: u8, step: u64) -> Input {
    match kind {
        0 => Input::HolderStarted(id(n)),
        1 => Input::Checkpointed(id(n), step),
        2 => Input::Reached(id(n), step),
        3 => Input::Ended(id(n), exited(0)),
        4 => Input::Ended(id(n), exited(1)),
        5 => Input::Ended(id(n), stopped()),
        6 => Input::Ended(id(n), Ending::Lost(String::new())),
        7 => Input::Ended(id(n), Ending::NeverStarted(String::new())),
        8 => Input::Cancel(id(n), StopMode::Graceful),
        9 => Input::Retry(id(n)),
        10 => Input::Stalled(id(n)),
        11 => Input::Recovered(id(n)),
        12 => Input::Ended(id(n), Ending::NotTaken(String::new())),
        _ => Input::Ended(id(n), full()),
    }
}

/// Every attempt ends well, until nothing more is started.
fn finish(core: &mut Core) {
    while !core.is_done() {
        start_all(core, i64::MAX);
        let active: Vec<_> = core.active().map(|(id, _)| id.clone()).collect();
        assert!(!active.is_empty(), "something waits for ever");
        for id in active {
            core.handle(Input::Ended(id, exited(0)), i64::MAX);
        }
    }
}

proptest! {
    /// Whatever happens in whatever order: what is settled stays so unless a person says
    /// otherwise, no more than the allowed number run at once, attempts are counted without gaps,
    /// no more of them fail than may, and every trial comes to an end. What follows from what is
    /// for the simulator to check.
    #[test]
    fn no_sequence_of_inputs_breaks_the_rules(
        inputs in prop::collection::vec((0..3usize, 0..14u8, 0..4u64), 1..200)
    ) {
        let mut core = queued(3);
        let (mut last_attempt, mut crashes) = ([0u32; 3], [0u32; 3]);
        for (now_ms, (n, kind, step)) in (0i64..).step_by(5_000).zip(inputs) {
            let settled: Vec<_> = core.states().filter(|(_, s)| s.is_settled())
                .map(|(i, s)| (i.clone(), s.clone())).collect();
            let input = input(n, kind, step);
            let retried = matches!(input, Input::Retry(_)).then(|| id(n));
            let active = core.state(&id(n)).unwrap().active_attempt().is_some();
            crashes[n] += u32::from(active && input == Input::Ended(id(n), exited(1)));
            let mut actions = core.handle(input, now_ms);
            actions.extend(start_all(&mut core, now_ms));
            for action in actions {
                match action {
                    Action::Start(trial, attempt) => {
                        let n: usize = trial.0[1..].parse().unwrap();
                        prop_assert_eq!(attempt, last_attempt[n] + 1);
                        last_attempt[n] = attempt;
                    }
                    Action::ResetAttempts(trial) => crashes[trial.0[1..].parse::<usize>().unwrap()] = 0,
                    _ => {}
                }
            }
            prop_assert!(core.active().count() <= 2);
            prop_assert!(crashes.iter().all(|crashes| *crashes <= policy().retry.attempts));
            for (trial, state) in settled.iter().filter(|(trial, _)| Some(trial) != retried.as_ref()) {
                prop_assert_eq!(core.state(trial), Some(state));
            }
        }
        finish(&mut core);
        prop_assert!(core.states().all(|(_, state)| state.is_settled()));
    }
}
