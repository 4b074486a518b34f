//! The supervisor is killed; its trials continue, and the next supervisor reattaches to them.

use experiments::protocol::trial_id::TrialId;
use orchestrator::run_dir::attempt::{AttemptDir, Outcome};
use orchestrator::scheduler::State;
use orchestrator::store::journal_file::{Entry, Journal};

use crate::common::default_file::reference_records;
use crate::common::processes;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn the_next_supervisor_reattaches_to_the_same_attempts() {
    let test = TestRun::with(&[("steps: 20", "steps: 100")]).gated();
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 10);
    test.wait_for_state("a-s0-", "running");
    run.kill();
    let step = test.events("a-s0-", 1).len();
    wait_for("the worker", || (test.events("a-s0-", 1).len() > step + 5).then_some(()));
    test.open_gate();

    let ended = test.orch("run trip.yaml");
    ended.expect(0, &["1 still running", "1 new"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[("steps: 20, sleep_ms: 20", "steps: 100")]));
}

#[test]
fn the_end_of_an_attempt_without_a_supervisor_is_recorded_by_the_next() {
    let test = TestRun::new();
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 2);
    run.kill();
    let attempt = test.attempt("a-s0-", 1).unwrap();
    wait_for("the end", || attempt.read_exit().unwrap());
    wait_for("the holder's end", || processes::holders(attempt.path()).is_empty().then_some(()));

    assert_eq!(test.status("a-s0-").unwrap()["attempt_status"], "ended");
    let status = test.orch("status").stdout;
    assert!(status.contains("  ended  "), "{status}");
    assert_eq!(test.status("a-s0-").unwrap()["latest"]["loss"], test.recorded().loss["a-s0"][19].1);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.attempts("a-s0-"), 1);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_start_that_was_recorded_and_not_done_is_retried() {
    let test = stopped_half_way();
    let folder = test.trial("a-s0-").unwrap();
    start_in_the_journal_only(&test, &folder);
    test.orch("run trip.yaml").expect(0, &["no holder started it", "2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_start_that_was_recorded_and_not_done_can_be_stopped() {
    let test = stopped_half_way();
    start_in_the_journal_only(&test, &test.trial("a-s0-").unwrap());
    let words = [": cancelled before its first step; its last checkpoint is at step 7\n"];
    test.orch("stop variant=a").expect(0, &words);
    assert_eq!(test.state("a-s0-").unwrap(), "cancelled");
}

#[test]
fn an_attempt_that_was_prepared_and_never_owned_is_abandoned() {
    let test = stopped_half_way();
    let folder = test.trial("a-s0-").unwrap();
    start_in_the_journal_only(&test, &folder);
    let attempt = AttemptDir::new(&folder, 2);
    let first = AttemptDir::new(&folder, 1).read_command().unwrap().unwrap();
    attempt.prepare(&first).unwrap();
    test.orch("run trip.yaml").expect(0, &["no holder started it", "2 of 2 trials done"]);
    assert_eq!(test.attempts("a-s0-"), 3);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_running_trial_that_is_left_out_runs_to_its_end() {
    let test = TestRun::new().gated();
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 10);
    test.wait_for_step("b-s0-", 1, 10);
    run.kill();
    test.open_gate();
    test.orch("run trip.yaml --only b").expect(0, &["1 left out", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
}

#[test]
fn a_running_trial_that_is_retired_is_stopped_with_a_checkpoint() {
    let test = TestRun::with(&[("offset: 1", "offset: 1, hang_at: 7")]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("b-s0-", 1, 6);
    run.kill();
    test.edit(&[("  b: {label: Second, set: {offset: 1, hang_at: 7}}\n", "")]);
    test.orch("run trip.yaml").expect(0, &["1 retired", "1 of 1 trials done"]);
    let exit = test.attempt("b-s0-", 1).unwrap().read_exit().unwrap().unwrap();
    assert_eq!(exit.outcome, Outcome::Exited { code: 75 });
    assert_eq!(test.state("b-s0-").unwrap(), "interrupted");
    assert_eq!(test.status("b-s0-").unwrap()["retired"], true);
}

/// Trial `a` hangs at step 7, until it is stopped.
const HANG: (&str, &str) = ("label: First", "label: First, set: {hang_at: 7}");

/// Trial `a` was interrupted at step 7.
fn stopped_half_way() -> TestRun {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0"), HANG]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    run.signal("-INT");
    assert_eq!(run.end().code, 130);
    test
}

/// Continues the journal as a supervisor does that is killed before it starts attempt 2.
fn start_in_the_journal_only(test: &TestRun, trial: &std::path::Path) {
    let id = TrialId(trial.file_name().unwrap().to_str().unwrap().to_owned());
    let status = test.status("a-s0-").unwrap()["status"].clone();
    let interrupted: State = serde_json::from_value(status).unwrap();
    let queued = State::Queued { reason: "again".to_owned() };
    let starting = State::Starting { attempt: 2 };
    let mut journal = Journal::open(&test.run_dir().join("journal.jsonl")).unwrap();
    for (from, to) in [(interrupted, queued.clone()), (queued, starting)] {
        journal.append(Entry::Changed { trial: id.clone(), from, to, seal: None }).unwrap();
    }
}
