//! The retry policy by example.

use std::time::Duration;

use experiments::protocol::exit::WORKER_STOPPED;
use experiments::protocol::failure::{Failure, FailureClass};
use experiments::schema::file::{AfterStall, Retry};

use crate::platform::file_seal::Seals;
use crate::run_dir::attempt::{Exit, Outcome, StopSource};
use crate::scheduler::retry::{MAX_INTERRUPTIONS_WITHOUT_PROGRESS, RetryDecision, decide};
use crate::scheduler::{AttemptEnd, History, Policy, StopCause};

fn policy() -> Policy {
    let (retry, after_stall) = (Retry::default(), AfterStall::Flag);
    Policy { retry, jobs: 1, max_fails: None, keep_going: false, after_stall, shares_gpu: true }
}

fn exit(outcome: Outcome) -> Exit {
    Exit {
        outcome,
        stop: None,
        killed: false,
        stopped_early: false,
        orphans: 0,
        disk_full: false,
        empty_logs: Vec::new(),
        files: Seals::new(),
        started_ms: 0,
        ended_ms: 1,
        nonce: String::new(),
    }
}

fn ended(code: i32) -> AttemptEnd {
    AttemptEnd::Recorded {
        exit: exit(Outcome::Exited { code }),
        failure: None,
        last_line: String::new(),
    }
}

fn reports(code: i32, class: &str) -> AttemptEnd {
    let failure = Some(Failure { class: class.to_owned().into(), message: "so it was".to_owned() });
    AttemptEnd::Recorded { exit: exit(Outcome::Exited { code }), failure, last_line: String::new() }
}

fn class_of(decision: RetryDecision) -> String {
    match decision {
        RetryDecision::Failed { class, .. } => class.into(),
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn some_failures_are_final_at_once() {
    let policy = policy();
    for (end, class) in [
        (ended(64), "config"),
        (reports(64, "config"), "config"),
        (reports(1, "data"), "data"),
        (reports(1, "diverged"), "diverged"),
    ] {
        assert_eq!(class_of(decide(&end, None, &mut History::default(), &policy)), class);
    }
}

#[test]
fn crashes_use_up_attempts_with_growing_waits() {
    let policy = policy();
    let mut history = History::default();
    let mut waits = Vec::new();
    for step in [5, 6] {
        history.on_step(step);
        let RetryDecision::Retry { after, .. } = decide(&ended(1), None, &mut history, &policy)
        else {
            panic!("failed too early");
        };
        waits.push(after.as_secs());
    }
    assert_eq!(waits, [10, 20]);
    history.on_step(7);
    assert_eq!(class_of(decide(&ended(1), None, &mut history, &policy)), "crashed");
}

#[test]
fn a_full_disk_costs_no_attempt_unless_the_worker_reports_another_failure() {
    let policy = policy();
    let mut end = ended(101);
    let AttemptEnd::Recorded { exit, .. } = &mut end else { unreachable!("recorded above") };
    exit.disk_full = true;
    let mut history = History::default();
    let decision = decide(&end, None, &mut history, &policy);
    assert!(
        matches!(decision, RetryDecision::Retry { reason, .. } if reason.contains("disk was full"))
    );
    assert_eq!(history.failures, 0);
    let AttemptEnd::Recorded { exit, failure, .. } = &mut end else {
        unreachable!("recorded above")
    };
    *failure = Some(Failure { class: FailureClass::Diverged, message: String::new() });
    let exit_of_success = Exit { outcome: Outcome::Exited { code: 0 }, ..exit.clone() };
    assert_eq!(class_of(decide(&end, None, &mut history, &policy)), "diverged");
    let done =
        AttemptEnd::Recorded { exit: exit_of_success, failure: None, last_line: String::new() };
    assert_eq!(decide(&done, None, &mut history, &policy), RetryDecision::Succeeded);
}

#[test]
fn a_start_that_fails_for_the_moment_is_tried_again_with_growing_waits_up_to_a_limit() {
    let policy = policy();
    let busy = |transient| AttemptEnd::Recorded {
        exit: exit(Outcome::NotStarted { message: "busy".to_owned(), transient }),
        failure: None,
        last_line: String::new(),
    };
    let mut history = History::default();
    let mut waits = Vec::new();
    let failed = loop {
        history.on_attempt_started();
        match decide(&busy(true), None, &mut history, &policy) {
            RetryDecision::Retry { after, reason } => {
                assert_eq!(reason, "busy; will go on");
                waits.push(after.as_secs());
            }
            failed => break failed,
        }
    };
    assert_eq!(waits, [10, 20, 40, 80]);
    assert_eq!(history.failures, 0);
    assert_eq!(class_of(failed), "no-progress");
    assert_eq!(
        class_of(decide(&busy(false), None, &mut History::default(), &policy)),
        "not-started"
    );
    // And the queue does not wait for it, as it does for a worker that fails by itself.
    assert_eq!(busy(true).failure_by_itself(), None);
    assert_eq!(busy(false).failure_by_itself().as_deref(), Some("busy"));
}

#[test]
fn a_trial_that_crashed_twice_at_the_same_step_fails() {
    let mut history = History::default();
    history.on_step(5);
    assert!(matches!(
        decide(&ended(139), None, &mut history, &policy()),
        RetryDecision::Retry { .. }
    ));
    history.on_step(5);
    let RetryDecision::Failed { message, .. } = decide(&ended(139), None, &mut history, &policy())
    else {
        panic!("tried a third time");
    };
    assert_eq!(message, "the worker exited with code 139, twice at step 5");
}

#[test]
fn a_crash_before_the_first_step_is_not_one_at_the_earlier_attempt_s_step() {
    let mut history = History::default();
    history.on_step(5);
    for _ in 0..2 {
        let decision = decide(&ended(1), None, &mut history, &policy());
        assert!(matches!(decision, RetryDecision::Retry { .. }));
        history.on_attempt_started();
    }
    assert_eq!(class_of(decide(&ended(1), None, &mut history, &policy())), "crashed");
}

#[test]
fn interruptions_are_free_while_checkpoints_advance() {
    let policy = policy();
    let mut history = History::default();
    for step in 1..100 {
        history.on_attempt_started();
        history.on_checkpoint(step);
        assert!(matches!(
            decide(&AttemptEnd::Lost(String::new()), None, &mut history, &policy),
            RetryDecision::Retry { .. }
        ));
    }
    for _ in 1..MAX_INTERRUPTIONS_WITHOUT_PROGRESS {
        history.on_attempt_started();
        assert!(matches!(
            decide(&AttemptEnd::Lost(String::new()), None, &mut history, &policy),
            RetryDecision::Retry { .. }
        ));
    }
    history.on_attempt_started();
    assert_eq!(
        class_of(decide(&AttemptEnd::Lost(String::new()), None, &mut history, &policy)),
        "no-progress"
    );
}

#[test]
fn interrupted_without_progress_five_times_a_trial_fails() {
    let mut history = History::default();
    let decisions = (0..MAX_INTERRUPTIONS_WITHOUT_PROGRESS).map(|_| {
        history.on_attempt_started();
        decide(&AttemptEnd::Lost(String::new()), None, &mut history, &policy())
    });
    let failed = decisions.map(|decision| matches!(decision, RetryDecision::Failed { .. }));
    assert_eq!(failed.collect::<Vec<_>>(), [false, false, false, false, true]);
}

#[test]
fn an_attempt_that_the_executor_rejects_is_not_remembered() {
    let mut history = History::default();
    for _ in 0..100 {
        history.on_attempt_started();
        let rejected = AttemptEnd::Rejected("the queue is full".to_owned());
        let decision = decide(&rejected, None, &mut history, &policy());
        assert!(matches!(decision, RetryDecision::Retry { after: Duration::ZERO, .. }));
    }
    assert_eq!(history, History::default());
}

#[test]
fn a_requested_stop_is_never_a_failure() {
    for outcome in [
        Outcome::Exited { code: 75 },
        Outcome::Exited { code: 1 },
        Outcome::Signalled { signal: 15 },
        Outcome::NotStarted { message: "stopped before it began".to_owned(), transient: false },
    ] {
        let exit = Exit { stop: Some(StopSource::Requested), ..exit(outcome) };
        let end = AttemptEnd::Recorded { exit, failure: None, last_line: String::new() };
        let decision = decide(&end, None, &mut History::default(), &policy());
        assert!(matches!(decision, RetryDecision::Retry { .. }), "{end:?}");
    }
}

#[test]
fn a_time_limit_costs_an_attempt_unless_a_checkpoint_was_saved() {
    let policy = Policy { retry: Retry { attempts: 1, ..Retry::default() }, ..policy() };
    let at_its_limit = |outcome| {
        let exit = Exit { stop: Some(StopSource::TimeLimit), killed: true, ..exit(outcome) };
        AttemptEnd::Recorded { exit, failure: None, last_line: String::new() }
    };
    for outcome in [Outcome::Signalled { signal: 9 }, Outcome::Exited { code: 1 }] {
        let end = at_its_limit(outcome);
        let mut history = History::default();
        history.on_attempt_started();
        history.on_checkpoint(5);
        let decision = decide(&end, None, &mut history, &policy);
        assert!(matches!(decision, RetryDecision::Retry { .. }), "{end:?}");
        history.on_attempt_started();
        assert_eq!(class_of(decide(&end, None, &mut history, &policy)), "no-progress");
        // A person's request on top of it is not a failure.
        let decision = decide(&end, Some(StopCause::Interrupted), &mut history, &policy);
        assert!(matches!(decision, RetryDecision::Retry { .. }), "{end:?}");
    }
    let mut history = History::default();
    let saved = at_its_limit(Outcome::Exited { code: WORKER_STOPPED });
    let decision = decide(&saved, None, &mut history, &policy);
    assert!(matches!(decision, RetryDecision::Retry { .. }));
    assert_eq!(
        decide(&at_its_limit(Outcome::Exited { code: 0 }), None, &mut history, &policy),
        RetryDecision::Succeeded
    );
}

#[test]
fn a_full_gpu_is_tried_once_more_without_others_beside() {
    let full = reports(1, "cuda-oom");
    for (shares_gpu, again) in [(true, 1), (false, 0)] {
        let (policy, mut history) = (Policy { shares_gpu, ..policy() }, History::default());
        for _ in 0..again {
            let decision = decide(&full, None, &mut history, &policy);
            assert!(matches!(decision, RetryDecision::Retry { .. }));
            assert!(history.needs_whole_gpus);
        }
        assert_eq!(class_of(decide(&full, None, &mut history, &policy)), "cuda-oom");
    }
}

#[test]
fn a_person_s_stop_is_not_remembered_and_one_for_a_stall_is() {
    let stopped = Exit {
        stop: Some(StopSource::Requested),
        ..exit(Outcome::Exited { code: WORKER_STOPPED })
    };
    let stopped = AttemptEnd::Recorded { exit: stopped, failure: None, last_line: String::new() };
    for (cause, interruptions) in [
        (StopCause::Cancelled, 0),
        (StopCause::Interrupted, 0),
        (StopCause::Retired, 0),
        (StopCause::Stalled, 1),
    ] {
        let mut history = History::default();
        decide(&stopped, Some(cause), &mut history, &policy());
        assert_eq!(history.interruptions, interruptions, "{cause:?}");
    }
}

#[test]
fn exit_code_zero_is_the_only_success() {
    let mut history = History::default();
    assert_eq!(decide(&ended(0), None, &mut history, &policy()), RetryDecision::Succeeded);
    let killed = AttemptEnd::Recorded {
        exit: exit(Outcome::Signalled { signal: 9 }),
        failure: None,
        last_line: String::new(),
    };
    for end in [
        ended(75),
        killed,
        AttemptEnd::Lost(String::new()),
        AttemptEnd::NeverStarted(String::new()),
    ] {
        assert_ne!(decide(&end, None, &mut history, &policy()), RetryDecision::Succeeded);
    }
}
