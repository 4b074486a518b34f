//! An attempt has one owner: holders race each other, and a supervisor that abandons it.

use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use experiments::protocol::exit;
use orchestrator::run_dir::attempt::{AttemptDir, Outcome};
use orchestrator::run_dir::ownership::{self, AttemptStatus};
use serde_json::json;

use super::fixture::{TestTrial, steps, wait_for_first_step, wait_for_owner};

fn holder(attempt: &AttemptDir) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orch"));
    command.arg("hold").arg(attempt.path()).stdin(Stdio::null());
    command.spawn().unwrap()
}

fn prepared(trial: &TestTrial, number: u32) -> AttemptDir {
    let attempt = AttemptDir::new(trial.folder.path(), number);
    attempt.prepare(&trial.command(number)).unwrap();
    attempt
}

#[test]
fn of_many_holders_one_runs_the_attempt_and_the_others_exit() {
    let trial = TestTrial::new(json!({"steps": 3, "sleep_ms": 20}));
    let attempt = prepared(&trial, 1);
    let holders: Vec<Child> = (0..6).map(|_| holder(&attempt)).collect();
    let codes = holders.into_iter().map(|mut child| child.wait().unwrap().code());
    let mut codes: Vec<Option<i32>> = codes.collect();
    codes.sort_unstable();
    let locked = Some(i32::from(exit::LOCKED));
    assert_eq!(codes, [Some(0), locked, locked, locked, locked, locked]);
    assert_eq!(steps(&attempt), [1, 2, 3]);
    assert_eq!(attempt.read_exit().unwrap().unwrap().outcome, Outcome::Exited { code: 0 });
}

#[test]
fn a_late_holder_leaves_a_running_attempt_alone() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let attempt = trial.start(1);
    let first = wait_for_owner(&attempt);
    wait_for_first_step(&attempt);
    assert_eq!(holder(&attempt).wait().unwrap().code(), Some(i32::from(exit::LOCKED)));
    assert!(!ownership::abandon(&attempt).unwrap());
    assert_eq!(wait_for_owner(&attempt), first);
    attempt.request_stop().unwrap();
    assert_eq!(trial.end(&attempt).outcome, Outcome::Exited { code: 75 });
}

#[test]
fn either_a_holder_or_the_supervisor_wins_and_never_both() {
    let trial = TestTrial::new(json!({"steps": 1}));
    for number in 1..=40 {
        let attempt = prepared(&trial, number);
        let mut child = holder(&attempt);
        // Abandons later and later, so that the two race at different moments.
        thread::sleep(Duration::from_micros(200 * u64::from(number)));
        let abandoned = ownership::abandon(&attempt).unwrap();
        let ran = child.wait().unwrap().success();
        assert_ne!(abandoned, ran, "attempt {number}");
        assert_eq!(attempt.events().exists(), ran, "attempt {number}");
        match ownership::attempt_status(&attempt).unwrap() {
            AttemptStatus::Ended(_) => assert!(ran, "attempt {number}"),
            AttemptStatus::Abandoned(_) => assert!(abandoned, "attempt {number}"),
            other => panic!("attempt {number}: {other:?}"),
        }
    }
}

#[test]
fn simultaneous_acquisitions_have_one_winner() {
    for _ in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        let start = Barrier::new(4);
        let acquired = thread::scope(|scope| {
            let threads = [true, false, true, false].map(|abandon| {
                let (start, attempt) = (&start, &attempt);
                scope.spawn(move || {
                    start.wait();
                    if abandon {
                        return ownership::abandon(attempt).unwrap();
                    }
                    ownership::acquire(attempt).unwrap().is_some()
                })
            });
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(acquired.into_iter().filter(|acquired| *acquired).count(), 1);
    }
}

#[test]
fn reading_the_status_never_disturbs_the_owner() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let attempt = trial.start(1);
    wait_for_owner(&attempt);
    assert_eq!(
        read_often(|| matches!(ownership::attempt_status(&attempt), Ok(AttemptStatus::Held(_)))),
        [true; 4]
    );
    attempt.request_stop().unwrap();
    trial.end(&attempt);
    assert_eq!(
        read_often(|| {
            matches!(ownership::probe(&attempt), Ok(ownership::OwnershipState::Released(_)))
        }),
        [true; 4]
    );
}

/// Calls `is_expected` from four threads at once, 200 times each; true where all calls were.
fn read_often(is_expected: impl Fn() -> bool + Sync) -> [bool; 4] {
    let is_expected = &is_expected;
    thread::scope(|scope| {
        let readers = [(); 4].map(|()| scope.spawn(move || (0..200).all(|_| is_expected())));
        readers.map(|reader| reader.join().unwrap())
    })
}
