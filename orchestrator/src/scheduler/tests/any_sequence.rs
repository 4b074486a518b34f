//! The scheduler against any sequence of inputs.

use proptest::prelude::*;

use super::*;
use crate::run_dir::attempt::StopMode;

fn input(n: usize, kind: u8, step: u64) -> Input {
    match kind {
        0 => Input::HolderStarted(id(n)),
        1 => Input::Checkpointed(id(n), step),
        2 => Input::Reached(id(n), step),
        3 => Input::Ended(id(n), exited(0)),
        4 => Input::Ended(id(n), exited(1)),
        5 => Input::Ended(id(n), stopped()),
        6 => Input::Ended(id(n), AttemptEnd::Lost(String::new())),
        7 => Input::Ended(id(n), AttemptEnd::NeverStarted(String::new())),
        8 => Input::Cancel(id(n), StopMode::Graceful),
        9 => Input::Retry(id(n)),
        10 => Input::Stalled(id(n)),
        11 => Input::Recovered(id(n)),
        12 => Input::Ended(id(n), AttemptEnd::Rejected(String::new())),
        _ => Input::Ended(id(n), full()),
    }
}

/// Every attempt succeeds, until none is started any more.
fn finish(scheduler: &mut Scheduler) {
    while !scheduler.is_done() {
        start_all(scheduler, i64::MAX);
        let active: Vec<_> = scheduler.active().map(|(id, _)| id.clone()).collect();
        assert!(!active.is_empty(), "a trial waits for ever");
        for id in active {
            scheduler.handle(Input::Ended(id, exited(0)), i64::MAX);
        }
    }
}

proptest! {
    /// For any inputs in any order: a settled trial stays so unless a retry is requested, no more
    /// than the allowed number run at once, attempts are counted without gaps, no more of them fail
    /// than may, and every trial comes to an end. The simulator checks each decision.
    #[test]
    fn no_sequence_of_inputs_breaks_the_rules(
        inputs in prop::collection::vec((0..3usize, 0..14u8, 0..4u64), 1..200),
        keep_going: bool
    ) {
        let policy = Policy { keep_going, ..policy() };
        let mut scheduler = Scheduler::new((0..3).map(recovered), policy.clone());
        let (mut last_attempt, mut crashes) = ([0u32; 3], [0u32; 3]);
        for (now_ms, (n, kind, step)) in (0i64..).step_by(5_000).zip(inputs) {
            let settled: Vec<_> = scheduler.states().filter(|(_, s)| s.is_settled())
                .map(|(i, s)| (i.clone(), s.clone())).collect();
            let input = input(n, kind, step);
            let retried = matches!(input, Input::Retry(_)).then(|| id(n));
            let active = scheduler.state(&id(n)).unwrap().active_attempt().is_some();
            crashes[n] += u32::from(active && input == Input::Ended(id(n), exited(1)));
            let mut actions = scheduler.handle(input, now_ms);
            actions.extend(start_all(&mut scheduler, now_ms));
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
            prop_assert!(scheduler.active().count() <= 2);
            prop_assert!(crashes.iter().all(|crashes| *crashes <= policy.retry.attempts));
            for (trial, state) in settled.iter().filter(|(trial, _)| Some(trial) != retried.as_ref()) {
                prop_assert_eq!(scheduler.state(trial), Some(state));
            }
        }
        finish(&mut scheduler);
        let waits = scheduler.stopping() == Some(StopRequest::SameFailure);
        prop_assert!(waits || scheduler.states().all(|(_, state)| state.is_settled()));
        prop_assert!(!(waits && keep_going));
    }
}
