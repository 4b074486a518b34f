//! The scheduler by example.

use super::*;
use crate::run_dir::attempt::StopMode;

#[test]
fn trials_start_in_order_and_as_many_as_fit() {
    let mut scheduler = queued(3);
    let actions = start_all(&mut scheduler, 0);
    let started: Vec<_> = actions.iter().filter(|a| matches!(a, Action::Start(..))).collect();
    assert_eq!(started, [&Action::Start(id(0), 1), &Action::Start(id(1), 1)]);
    scheduler.handle(Input::Ended(id(1), exited(0)), 0);
    assert_eq!(scheduler.next(0), Some(&id(2)));
}

#[test]
fn a_failed_attempt_waits_before_the_next() {
    let mut scheduler = queued(1);
    start_all(&mut scheduler, 0);
    scheduler.handle(Input::Ended(id(0), exited(1)), 1_000);
    assert_eq!(scheduler.next(10_999), None);
    assert_eq!(scheduler.next(11_000), Some(&id(0)));
    let actions = start_all(&mut scheduler, 11_000);
    assert_eq!(actions.last(), Some(&Action::Start(id(0), 2)));
}

#[test]
fn an_interrupted_run_starts_nothing_more_and_ends() {
    let mut scheduler = queued(3);
    start_all(&mut scheduler, 0);
    let stops = scheduler.handle(Input::Interrupt(StopMode::Graceful), 0);
    let record_stop = |n| Action::RecordStop(id(n), 1, StopCause::Interrupted);
    assert_eq!(
        stops,
        [record_stop(0), Action::Stop(id(0), 1), record_stop(1), Action::Stop(id(1), 1)]
    );
    let kills = scheduler.handle(Input::Interrupt(StopMode::Immediate), 0);
    assert_eq!(kills, [Action::Kill(id(0), 1), Action::Kill(id(1), 1)]);
    scheduler.handle(Input::Ended(id(0), stopped()), 0);
    assert!(!scheduler.is_done());
    scheduler.handle(Input::Ended(id(1), AttemptEnd::Lost(String::new())), 0);
    assert!(scheduler.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&scheduler, n)), ["interrupted", "interrupted", "queued"]);
}

#[test]
fn a_cancelled_trial_does_not_continue_and_the_others_do() {
    let mut scheduler = queued(3);
    start_all(&mut scheduler, 0);
    scheduler.handle(Input::Cancel(id(2), StopMode::Graceful), 0);
    let actions = scheduler.handle(Input::Cancel(id(0), StopMode::Graceful), 0);
    assert_eq!(
        actions,
        [Action::RecordStop(id(0), 1, StopCause::Cancelled), Action::Stop(id(0), 1)]
    );
    scheduler.handle(Input::Ended(id(0), stopped()), 0);
    assert_eq!([0, 1, 2].map(|n| name(&scheduler, n)), ["cancelled", "starting", "cancelled"]);
    assert_eq!(scheduler.next(0), None);
    scheduler.handle(Input::Ended(id(1), exited(0)), 0);
    assert!(scheduler.is_done());
}

#[test]
fn a_trial_that_ends_well_before_its_stop_has_succeeded() {
    let mut scheduler = queued(1);
    start_all(&mut scheduler, 0);
    scheduler.handle(Input::Cancel(id(0), StopMode::Graceful), 0);
    scheduler.handle(Input::Ended(id(0), exited(0)), 0);
    assert_eq!(name(&scheduler, 0), "succeeded");
}

#[test]
fn a_retry_gives_a_fresh_budget_and_starts_at_once() {
    let mut scheduler = queued(1);
    for _ in 0..3 {
        start_all(&mut scheduler, i64::MAX / 2);
        scheduler.handle(Input::Ended(id(0), exited(1)), 0);
    }
    assert_eq!(name(&scheduler, 0), "failed");
    let actions = scheduler.handle(Input::Retry(id(0)), 0);
    assert_eq!(actions[0], Action::ResetAttempts(id(0)));
    assert_eq!(start_all(&mut scheduler, 0).last(), Some(&Action::Start(id(0), 4)));
    scheduler.handle(Input::Ended(id(0), exited(1)), 0);
    assert_eq!(name(&scheduler, 0), "queued");
    // A queued trial needs no retry.
    assert_eq!(scheduler.handle(Input::Retry(id(0)), 0), []);
}

#[test]
fn too_many_failures_stop_the_run_and_not_its_queue() {
    let retry = Retry { attempts: 1, ..Retry::default() };
    let mut scheduler =
        Scheduler::new((0..3).map(recovered), Policy { retry, max_fails: Some(1), ..policy() });
    start_all(&mut scheduler, 0);
    let actions = scheduler.handle(Input::Ended(id(0), exited(1)), 0);
    assert_eq!(actions.last(), Some(&Action::Stop(id(1), 1)));
    assert_eq!(scheduler.stopping(), Some(StopRequest::TooManyFailures));
    scheduler.handle(Input::Ended(id(1), stopped()), 0);
    assert!(scheduler.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&scheduler, n)), ["failed", "interrupted", "queued"]);
}

#[test]
fn a_trial_left_out_is_watched_and_a_retired_one_is_stopped() {
    let active = |n: usize, role| {
        let past = attempt(1);
        let state = State::Running { attempt: 1 };
        RecoveredTrial { role, state, attempts: vec![past], ..recovered(n) }
    };
    let left_out = RecoveredTrial { role: Role::LeftOut, ..recovered(2) };
    let trials = [active(0, Role::LeftOut), active(1, Role::Retired), left_out];
    let mut scheduler = Scheduler::new(trials, policy());
    let actions = scheduler.handle(Input::SupervisorStarted, 0);
    assert_eq!(actions, [Action::RecordStop(id(1), 1, StopCause::Retired), Action::Stop(id(1), 1)]);
    scheduler.handle(Input::Ended(id(0), exited(1)), 0);
    assert!(!scheduler.is_done());
    scheduler.handle(Input::Ended(id(1), stopped()), 0);
    assert!(scheduler.is_done());
    assert_eq!([0, 1, 2].map(|n| name(&scheduler, n)), ["queued", "interrupted", "queued"]);
    assert_eq!(scheduler.next(i64::MAX), None);
}

#[test]
fn a_stall_is_recorded_once_and_stopped_where_the_file_asks_for_that() {
    let mut scheduler = queued(1);
    start_all(&mut scheduler, 0);
    let actions = scheduler.handle(Input::Stalled(id(0)), 0);
    let record_stop = Action::RecordStop(id(0), 1, StopCause::Stalled);
    assert_eq!(
        actions,
        [Action::RecordLiveness(id(0), 1, Liveness::Stalled), record_stop, Action::Stop(id(0), 1)]
    );
    assert_eq!(scheduler.handle(Input::Stalled(id(0)), 0), []);
    let recovered = Action::RecordLiveness(id(0), 1, Liveness::Recovered);
    assert_eq!(scheduler.handle(Input::Recovered(id(0)), 0), [recovered]);
    scheduler.handle(Input::Ended(id(0), stopped()), 0);
    let State::Queued { reason } = scheduler.state(&id(0)).unwrap() else { panic!("not queued") };
    assert_eq!(reason, "stalled: no events and no output; will go on");
}

#[test]
fn a_stall_is_stopped_by_the_next_supervisor_if_the_first_died_before_that() {
    let past = AttemptSummary { stalled: true, ..attempt(1) };
    let state = State::Running { attempt: 1 };
    let mut scheduler =
        Scheduler::new([RecoveredTrial { state, attempts: vec![past], ..recovered(0) }], policy());
    assert_eq!(scheduler.handle(Input::SupervisorStarted, 0), []);
    let actions = scheduler.handle(Input::Stalled(id(0)), 0);
    assert_eq!(actions, [Action::RecordStop(id(0), 1, StopCause::Stalled), Action::Stop(id(0), 1)]);
    assert_eq!(scheduler.handle(Input::Stalled(id(0)), 0), []);
}

#[test]
fn measured_durations_change_the_order_of_the_others() {
    let weigh = |n: usize, cost| {
        let weight = Weight { variant: format!("v{n}"), priority: 0, cost };
        RecoveredTrial { weight, ..recovered(n) }
    };
    // Of variant 1 there are two trials.
    let twin = RecoveredTrial { id: id(3), ..weigh(1, 2.0) };
    let trials = [weigh(0, 3.0), weigh(1, 2.0), weigh(2, 1.0), twin];
    let mut scheduler = Scheduler::new(trials, Policy { jobs: 1, ..policy() });
    let took = |ms| {
        let AttemptEnd::Recorded { exit, failure, last_line } = exited(0) else {
            panic!("not recorded")
        };
        AttemptEnd::Recorded { exit: Exit { ended_ms: ms, ..exit }, failure, last_line }
    };
    let mut started = Vec::new();
    // Trial 1 is over in a moment, and so will be its twin.
    for ms in [300, 1, 1, 1] {
        let next = scheduler.next(0).unwrap().clone();
        scheduler.handle(Input::Leased(next.clone()), 0);
        scheduler.handle(Input::Ended(next.clone(), took(ms)), 0);
        started.push(next);
    }
    assert_eq!(started, [id(0), id(1), id(2), id(3)]);
}

#[test]
fn waiting_for_a_slot_is_recorded_once_per_reason() {
    let mut scheduler = queued(1);
    let full = || Input::Blocked(id(0), "no CPU is free".to_owned());
    assert_eq!(scheduler.handle(full(), 0).len(), 1);
    assert_eq!(scheduler.handle(full(), 1), []);
}
