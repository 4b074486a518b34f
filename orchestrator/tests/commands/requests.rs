//! Requests to a run, with a supervisor and without: `orch stop` and `orch retry`.

use orchestrator::run_dir::attempt::Outcome;
use serde_json::json;

use crate::common::default_file::reference_records;
use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;
use crate::executor::SETTINGS;

/// Every trial hangs at step 7 until it is stopped, and resumes after that step.
const HANG: [(&str, &str); 1] = [("sleep_ms: 20", "sleep_ms: 0, hang_at: 7")];

fn assert_no_requests(test: &TestRun) {
    assert_eq!(std::fs::read_dir(test.run_dir().join("requests")).unwrap().count(), 0);
}

#[test]
fn a_stopped_trial_is_cancelled_and_the_run_continues() {
    let test = TestRun::with(&HANG);
    // A worker that handles SIGTERM might end before it is killed.
    test.edit(&[("set: {offset: 1}", "set: {offset: 1, ignore_term: true}")]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    let stopped = test.orch("stop variant=a");
    stopped.expect(0, &["a-s0-", ": cancelled at step 7; its last checkpoint is at step 7\n"]);
    assert!(processes::holders(&test.trial("a-s0-").unwrap()).is_empty());
    assert_no_requests(&test);
    test.wait_for_step("b-s0-", 1, 6);
    test.orch("stop variant=a").expect(0, &["is already cancelled", "nothing to stop"]);
    test.orch("stop b-s0 --now").expect(0, &[": cancelled at step "]);
    let exit = test.attempt("b-s0-", 1).unwrap().read_exit().unwrap().unwrap();
    assert_eq!((exit.outcome, exit.killed), (Outcome::Signalled { signal: 9 }, true));
    run.end().expect(130, &["0 of 2 trials done, 2 cancelled; run the file again to resume"]);
    assert_eq!(test.state_history("a-s0-"), ["starting", "running", "cancelled"]);

    test.edit(&[("hang_at: 7", "hang_at: 0")]);
    let why = test.orch("why variant=a").stdout;
    assert!(why.contains("cancelled: stopped after a checkpoint.\n`orch retry a-s0-"), "{why}");
}

#[test]
fn a_queued_trial_is_cancelled_immediately_and_started_by_the_next_run() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.orch("stop state=queued").expect(0, &["b-s0-", ": cancelled\n"]);
    assert_eq!(test.attempts("b-s0-"), 0);
    test.orch("stop variant=a").expect(0, &["cancelled at step 7"]);
    run.end().expect(130, &["0 of 2 trials done, 2 cancelled"]);

    let run = test.start("run trip.yaml");
    test.wait_for_step("b-s0-", 1, 6);
    run.signal("-INT");
    run.end().expect(130, &["2 trials: 2 cancelled, to go on\n"]);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn stopping_all_ends_the_run_and_keeps_the_queue() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    test.orch("stop --all").expect(0, &["a-s0-", ": interrupted at step 7"]);
    run.end().expect(
        130,
        &[
            "workers are asked to end, with a checkpoint if they save any",
            "run the file again to resume",
        ],
    );
    assert_eq!(test.state("b-s0-").unwrap(), "queued");
    assert!(processes::holders(&test.path("")).is_empty());
    test.orch("stop --all").expect(0, &["nothing to stop"]);
}

#[test]
fn without_a_supervisor_the_verb_handles_the_request_itself() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_step("b-s0-", 1, 6);
    run.kill();
    test.orch("stop a-s0")
        .expect(0, &[": cancelled at step 7; its last checkpoint is at step 7\n"]);
    assert_eq!(processes::holders(&test.path("")).len(), 1);
    test.orch("stop --all nowhere").expect(2, &["`nowhere`"]);
    test.orch("stop --all trip trip").expect(2, &["cannot be used with"]);
    test.orch("stop --all trip").expect(0, &["b-s0-", ": interrupted at step 7"]);
    assert!(processes::holders(&test.path("")).is_empty());
    assert_no_requests(&test);

    test.orch("retry state=cancelled trip")
        .expect(0, &[": queued again\nrun the file again to start them"]);
    assert_eq!(test.state("a-s0-").unwrap(), "queued");
    test.orch("run trip.yaml").expect(0, &["2 trials: 2 to resume\n", "2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_lost_trial_is_stopped_and_queued_again_as_json() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    test.kill_all();
    drop(run);
    // A cluster needs a moment to notice it.
    wait_for("the loss", || (test.status("a-s0-")?["state"] == "lost").then_some(()));
    let id = test.status("a-s0-").unwrap()["id"].clone();
    test.orch("stop state=running").expect(0, &["nothing to stop"]);
    let stopped = json!([{"id": id, "state": "cancelled", "step": 6, "checkpoint": 5}]);
    let done = json!({"schema": 1, "run": "trip", "stopped": stopped, "already": []});
    assert_eq!(test.json("stop state=lost trip --json"), done);
    let already = json!([{"id": id, "state": "cancelled"}]);
    let done = json!({"schema": 1, "run": "trip", "stopped": [], "already": already});
    assert_eq!(test.json("stop variant=a --json"), done);

    let retried = test.json("retry seed=0 --json");
    assert_eq!((&retried["queued"], &retried["supervised"]), (&json!([id]), &json!(false)));
    let other = json!([{"id": test.status("b-s0-").unwrap()["id"], "state": "queued"}]);
    assert_eq!(retried["skipped"], other);
    assert_eq!(test.json("retry --failed trip --json")["queued"], json!([]));
}

#[test]
fn a_stop_is_completed_after_its_supervisor_dies() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "hang_at: 7, ignore_term: true"),
        ("grace: 30s", "grace: 2s"),
    ]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    let stop = test.start("stop variant=a");
    let attempt = test.attempt("a-s0-", 1).unwrap();
    wait_for("the request to stop", || attempt.stop_requested().then_some(()));
    run.kill();
    stop.end().expect(0, &["a-s0-", ": cancelled at step 6; its last checkpoint is at step 5\n"]);
    // The death of its supervisor does not make it an interruption.
    assert_eq!(test.state_history("a-s0-"), ["starting", "running", "cancelled"]);
}

#[test]
fn a_retry_resets_the_attempts_with_a_supervisor_and_without() {
    let test = TestRun::with(&[
        ("attempts: 3", "attempts: 1"),
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {hang_at: 7}"),
        ("offset: 1", "offset: 1, crash_at: 7, crash_attempts: 3"),
    ]);
    test.orch("retry --failed").expect(2, &["nothing has been run"]);
    let run = test.start("run trip.yaml");
    test.wait_for_state("b-s0-", "failed");
    test.orch("retry variant=b")
        .expect(0, &["b-s0-", "queued again\nthe running supervisor starts them"]);
    wait_for("attempt 2", || (test.attempts("b-s0-") == 2).then_some(()));
    test.wait_for_state("b-s0-", "failed");
    test.orch("stop variant=a").expect(0, &["cancelled at step 7"]);
    run.end().expect(1, &["0 of 2 trials done, 1 failed, 1 cancelled"]);
    test.orch("wait").expect(1, &["0 of 2 trials done, 1 failed, 1 cancelled"]);

    test.orch("retry --failed").expect(0, &["b-s0-", "run the file again to start them"]);
    test.orch("run trip.yaml")
        .expect(1, &["1 to resume, 1 cancelled, to go on", "1 of 2 trials done"]);
    test.orch("retry variant=a").expect(2, &["has succeeded, so there is nothing to retry"]);
    test.orch("run trip.yaml").expect(0, &["1 done, 1 failed, to run again", "2 of 2 trials done"]);
    test.orch("retry --failed").expect(0, &["nothing to retry"]);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn an_invalid_request_is_skipped() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.orch("stop state=queued").expect(0, &[]);
    let requests = test.run_dir().join("requests");
    std::fs::write(requests.join("1.json"), "{\"request\":\"sneeze\"}").unwrap();
    let unknown = "{\"request\":\"retry\",\"trials\":[\"nobody\"]}";
    std::fs::write(requests.join("2.json"), unknown).unwrap();
    wait_for("the requests", || {
        std::fs::read_dir(&requests).unwrap().next().is_none().then_some(())
    });
    test.orch("stop variant=a").expect(0, &[]);
    let words = ["skipped a request", "1.json", "2.json`: `nobody` is not a trial of this run"];
    run.end().expect(130, &words);
}

#[test]
fn too_many_failures_end_the_run() {
    let test = TestRun::with(&[
        ("  b: {label: Second", "  c: {set: {hang_at: 7, offset: 2}}\n  b: {label: Second"),
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {crash_at: 7}"),
        ("attempts: 3", "attempts: 1"),
    ]);
    let ended = test.orch("run trip.yaml -j 2 --max-fails 1");
    ended.expect(1, &["too many trials failed", "of 3 trials done, 1 failed"]);
    // `orch wait` reports the same, from a rebuilt database too.
    test.orch("wait").expect(1, &["of 3 trials done, 1 failed:"]);
    test.orch("db rebuild").expect(0, &[]);
    test.orch("attach").expect(1, &["of 3 trials done, 1 failed:"]);
    assert_eq!(test.state_history("a-s0-").last().unwrap(), "failed");
    assert_eq!(test.state_history("c-s0-").last().unwrap(), "interrupted");
    test.orch("run trip.yaml --fail-fast --keep-going").expect(2, &["cannot be used with"]);
    // A retry leaves something to run.
    test.orch("retry --failed").expect(0, &[]);
    test.orch("wait").expect(130, &["of 3 trials done; run the file again"]);
}

#[test]
fn a_holder_that_a_signal_has_stopped_is_continued_to_end_its_attempt() {
    let test = TestRun::with(&HANG);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 6);
    test.wait_for_state("a-s0-", "running");
    let [holder] = processes::holders(&test.trial("a-s0-").unwrap())[..] else {
        panic!("no holder")
    };
    assert!(try_signal(holder, "-STOP"));
    test.orch("stop variant=a --now").expect(0, &[": cancelled at step "]);
    test.wait_for_step("b-s0-", 1, 6);
    test.orch("stop --all").expect(0, &[]);
    let continued = format!("(process {holder}) was stopped and could not end it; continued it by");
    // Slurm itself continues what it is asked to end.
    let said: &[&str] = if SETTINGS.is_empty() { &[&continued] } else { &[] };
    run.end().expect(130, said);
}

#[test]
fn a_request_that_a_killed_process_has_left_is_handled_by_the_next_verb() {
    let test = TestRun::with(&[("sleep_ms: 20", "exit: 3"), ("attempts: 3", "attempts: 1")]);
    test.orch("run trip.yaml --keep-going").expect(1, &["2 failed"]);
    let failed = test.trial("a-s0-").unwrap();
    let id = failed.file_name().unwrap().to_str().unwrap();
    let left = test.run_dir().join("requests/0000000000001-1.json");
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, json!({"request": "retry", "trials": [id]}).to_string()).unwrap();
    // It has nothing to do itself.
    test.orch("gc").expect(0, &[]);
    assert_no_requests(&test);
    assert_eq!(test.state("a-s0-").unwrap(), "queued");
    // Killed between its decision in the journal and the removal of the request.
    std::fs::write(&left, json!({"request": "retry", "trials": [id]}).to_string()).unwrap();
    test.orch("stop state=running").expect(0, &["is queued", "nothing to stop"]);
    assert_no_requests(&test);
    assert_eq!(test.state_history("a-s0-").iter().filter(|state| *state == "queued").count(), 1);
}
