//! Trials that all fail the same way before their first event.

use super::*;

fn failed(last_line: &str) -> AttemptEnd {
    match exited(1) {
        AttemptEnd::Recorded { exit, failure, .. } => {
            AttemptEnd::Recorded { exit, failure, last_line: last_line.to_owned() }
        }
        other => other,
    }
}

/// `n` trials, of which as many as may run have started.
fn started(n: usize) -> Scheduler {
    let mut scheduler = queued(n);
    start_all(&mut scheduler, 0);
    scheduler
}

/// The trial ends, and what may start does.
fn end(scheduler: &mut Scheduler, n: usize, last_line: &str) {
    scheduler.handle(Input::Ended(id(n), failed(last_line)), 0);
    start_all(scheduler, 0);
}

#[test]
fn the_queue_waits_and_the_run_ends_with_the_last_active_attempt() {
    let mut scheduler = started(6);
    for n in 0..3 {
        assert_eq!(scheduler.same_failure(), None);
        end(&mut scheduler, n, "no module");
    }
    let failure = scheduler.same_failure().unwrap();
    assert_eq!(failure.cause, "exit 1: no module");
    assert_eq!(failure.trials, [(id(0), 1), (id(1), 1), (id(2), 1)].into());
    // The one that runs may still show that the worker works.
    assert_eq!(scheduler.next(0), None);
    assert_eq!((scheduler.stopping(), scheduler.is_done()), (None, false));
    end(&mut scheduler, 3, "killed");
    assert_eq!(scheduler.stopping(), Some(StopRequest::SameFailure));
    assert!(scheduler.is_done());
    assert!((0..6).all(|n| name(&scheduler, n) == "queued"));
}

#[test]
fn an_event_or_a_success_of_any_attempt_shows_that_the_worker_works() {
    for sign in [Input::Reported(id(3)), Input::Reached(id(3), 1), Input::Ended(id(3), exited(0))] {
        let mut scheduler = started(6);
        for n in 0..3 {
            end(&mut scheduler, n, "no module");
        }
        assert_eq!(scheduler.next(0), None);
        scheduler.handle(sign.clone(), 0);
        assert_eq!(scheduler.next(0), Some(&id(4)), "{sign:?}");
        start_all(&mut scheduler, 0);
        end(&mut scheduler, 4, "no module");
        assert_eq!(scheduler.same_failure(), None, "{sign:?}");
    }
}

#[test]
fn failures_that_differ_or_are_of_one_trial_or_no_fault_of_the_worker_do_not_count() {
    let mut differ = started(6);
    for (n, last_line) in ["a", "b", "c", "a", "b"].into_iter().enumerate() {
        end(&mut differ, n, last_line);
    }
    assert_eq!(differ.same_failure(), None);
    let mut alone = started(1);
    for _ in 0..2 {
        alone.handle(Input::Ended(id(0), failed("a")), 0);
        alone.handle(Input::Leased(id(0)), 0);
    }
    assert_eq!(alone.same_failure(), None);
    let mut killed = started(6);
    for n in 0..4 {
        killed.handle(Input::Ended(id(n), recorded(Outcome::Signalled { signal: 9 }, None)), 0);
        start_all(&mut killed, 0);
    }
    assert_eq!(killed.same_failure(), None);
}

#[test]
fn two_trials_are_enough_where_there_are_no_more_and_keep_going_switches_it_off() {
    let mut two = started(2);
    end(&mut two, 0, "");
    end(&mut two, 1, "");
    assert_eq!(two.stopping(), Some(StopRequest::SameFailure));
    assert_eq!(two.same_failure().unwrap().cause, "exit 1");
    let policy = Policy { keep_going: true, ..policy() };
    let mut scheduler = Scheduler::new((0..2).map(recovered), policy);
    start_all(&mut scheduler, 0);
    end(&mut scheduler, 0, "");
    end(&mut scheduler, 1, "");
    assert_eq!((scheduler.same_failure(), scheduler.stopping()), (None, None));
}

#[test]
fn a_retry_on_request_lets_the_queue_go_on() {
    let policy = Policy { retry: Retry { attempts: 1, ..Retry::default() }, ..policy() };
    let mut scheduler = Scheduler::new((0..6).map(recovered), policy);
    start_all(&mut scheduler, 0);
    for n in 0..3 {
        end(&mut scheduler, n, "no module");
    }
    assert_eq!(scheduler.next(0), None);
    scheduler.handle(Input::Retry(id(0)), 0);
    assert!(scheduler.next(0).is_some());
}
