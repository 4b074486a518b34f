//! What people wish of a run while it goes on, or while nobody is at work on it: `orch stop` and
//! `orch retry`.

use orchestrator::run_dir::attempt::Outcome;
use serde_json::json;

use crate::lab::{Lab, undisturbed, wait_for};
use crate::processes;

/// Every trial hangs at step 7 until it is stopped, and goes on behind it later.
const HANG: [(&str, &str); 1] = [("sleep_ms: 20", "sleep_ms: 0, hang_at: 7")];

fn nothing_is_asked_any_more(lab: &Lab) {
    assert_eq!(std::fs::read_dir(lab.run_folder().join("requests")).unwrap().count(), 0);
}

#[test]
fn a_stopped_trial_is_cancelled_and_the_run_goes_on() {
    let lab = Lab::with(&HANG);
    // One that hears SIGTERM may end by it before it is killed.
    lab.edit(&[("set: {offset: 1}", "set: {offset: 1, ignore_term: true}")]);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.settle("a-s0-", "running");
    let stopped = lab.orch("stop variant=a");
    stopped.says(0, &["a-s0-", ": cancelled at step 7; its last checkpoint is at step 7\n"]);
    assert!(processes::holders(&lab.trial("a-s0-").unwrap()).is_empty());
    nothing_is_asked_any_more(&lab);
    lab.reach("b-s0-", 1, 6);
    lab.orch("stop variant=a").says(0, &["is already cancelled", "nothing to stop"]);
    lab.orch("stop b-s0 --now").says(0, &[": cancelled at step "]);
    let exit = lab.attempt("b-s0-", 1).unwrap().read_exit().unwrap().unwrap();
    assert_eq!((exit.outcome, exit.killed), (Outcome::Signalled { signal: 9 }, true));
    run.end().says(130, &["0 of 2 trials done, 2 cancelled; run the file again to resume"]);
    assert_eq!(lab.journey("a-s0-"), ["starting", "running", "cancelled"]);

    lab.edit(&[("hang_at: 7", "hang_at: 0")]);
    let said = lab.orch("why variant=a").stdout;
    assert!(said.contains("cancelled: stopped after a checkpoint.\n`orch retry a-s0-"), "{said}");
}

#[test]
fn a_queued_trial_is_cancelled_at_once_and_the_next_run_takes_it_up() {
    let lab = Lab::with(&HANG);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.orch("stop state=queued").says(0, &["b-s0-", ": cancelled\n"]);
    assert_eq!(lab.attempts("b-s0-"), 0);
    lab.orch("stop variant=a").says(0, &["cancelled at step 7"]);
    run.end().says(130, &["0 of 2 trials done, 2 cancelled"]);

    let run = lab.start("run trip.yaml");
    lab.reach("b-s0-", 1, 6);
    run.signal("-INT");
    run.end().says(130, &["2 trials: 2 cancelled, to go on\n"]);
    lab.orch("run trip.yaml").says(0, &["2 of 2 trials done"]);
    assert_eq!(lab.recorded(), undisturbed(&[]));
}

#[test]
fn stopping_all_ends_the_run_and_keeps_the_queue() {
    let lab = Lab::with(&HANG);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.settle("a-s0-", "running");
    lab.orch("stop --all").says(0, &["a-s0-", ": interrupted at step 7"]);
    run.end().says(130, &["workers save a checkpoint first", "run the file again to resume"]);
    assert_eq!(lab.state("b-s0-").unwrap(), "queued");
    assert!(processes::holders(&lab.path("")).is_empty());
    lab.orch("stop --all").says(0, &["nothing to stop"]);
}

#[test]
fn where_no_supervisor_lives_the_verb_does_it_itself() {
    let lab = Lab::with(&HANG);
    let run = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 6);
    lab.reach("b-s0-", 1, 6);
    run.kill();
    lab.orch("stop a-s0").says(0, &[": cancelled at step 7; its last checkpoint is at step 7\n"]);
    assert_eq!(processes::holders(&lab.path("")).len(), 1);
    lab.orch("stop --all nowhere").says(2, &["`nowhere`"]);
    lab.orch("stop --all trip trip").says(2, &["cannot be used with"]);
    lab.orch("stop --all trip").says(0, &["b-s0-", ": interrupted at step 7"]);
    assert!(processes::holders(&lab.path("")).is_empty());
    nothing_is_asked_any_more(&lab);

    lab.orch("retry state=cancelled trip")
        .says(0, &[": queued again\nrun the file again to start them"]);
    assert_eq!(lab.state("a-s0-").unwrap(), "queued");
    lab.orch("run trip.yaml").says(0, &["2 trials: 2 to resume\n", "2 of 2 trials done"]);
    assert_eq!(lab.recorded(), undisturbed(&[]));
}

#[test]
fn what_was_lost_is_stopped_and_queued_again_as_json() {
    let lab = Lab::with(&HANG);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.settle("a-s0-", "running");
    lab.kill_everything();
    drop(run);
    // A cluster needs a moment to see it.
    wait_for("the loss", || (lab.status("a-s0-")?["state"] == "lost").then_some(()));
    let id = lab.status("a-s0-").unwrap()["id"].clone();
    lab.orch("stop state=running").says(2, &["no trial of `trip` matches `state=running`"]);
    let stopped = json!([{"id": id, "state": "cancelled", "step": 6, "checkpoint": 5}]);
    let done = json!({"schema": 1, "run": "trip", "stopped": stopped, "already": []});
    assert_eq!(lab.json("stop state=lost trip --json"), done);
    let already = json!([{"id": id, "state": "cancelled"}]);
    let done = json!({"schema": 1, "run": "trip", "stopped": [], "already": already});
    assert_eq!(lab.json("stop variant=a --json"), done);

    let retried = lab.json("retry seed=0 --json");
    assert_eq!((&retried["queued"], &retried["supervised"]), (&json!([id]), &json!(false)));
    let other = json!([{"id": lab.status("b-s0-").unwrap()["id"], "state": "queued"}]);
    assert_eq!(retried["skipped"], other);
    assert_eq!(lab.json("retry --failed trip --json")["queued"], json!([]));
}

#[test]
fn a_stop_whose_supervisor_dies_over_it_is_carried_out_all_the_same() {
    let lab = Lab::with(&[
        ("sleep_ms: 20", "hang_at: 7, ignore_term: true"),
        ("grace: 30s", "grace: 2s"),
    ]);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.settle("a-s0-", "running");
    let stop = lab.start("stop variant=a");
    let attempt = lab.attempt("a-s0-", 1).unwrap();
    wait_for("the request to stop", || attempt.stop_requested().then_some(()));
    run.kill();
    stop.end().says(0, &["a-s0-", ": cancelled at step 6; its last checkpoint is at step 5\n"]);
    // Its supervisor was killed, and it does not count as an interruption.
    assert_eq!(lab.journey("a-s0-"), ["starting", "running", "cancelled"]);
}

#[test]
fn a_retry_gives_fresh_attempts_with_a_supervisor_and_without() {
    let lab = Lab::with(&[
        ("attempts: 3", "attempts: 1"),
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {hang_at: 7}"),
        ("offset: 1", "offset: 1, crash_at: 7, crash_attempts: 3"),
    ]);
    lab.orch("retry --failed").says(2, &["nothing has been run"]);
    let run = lab.start("run trip.yaml");
    lab.settle("b-s0-", "failed");
    lab.orch("retry variant=b")
        .says(0, &["b-s0-", "queued again\nthe running supervisor starts them"]);
    wait_for("attempt 2", || (lab.attempts("b-s0-") == 2).then_some(()));
    lab.settle("b-s0-", "failed");
    lab.orch("stop variant=a").says(0, &["cancelled at step 7"]);
    run.end().says(1, &["0 of 2 trials done, 1 failed, 1 cancelled"]);
    lab.orch("wait").says(1, &["0 of 2 trials done, 1 failed, 1 cancelled"]);

    lab.orch("retry --failed").says(0, &["b-s0-", "run the file again to start them"]);
    lab.orch("run trip.yaml")
        .says(1, &["1 to resume, 1 cancelled, to go on", "1 of 2 trials done"]);
    lab.orch("retry variant=a").says(2, &["has succeeded, so there is nothing to retry"]);
    lab.orch("run trip.yaml").says(0, &["1 done, 1 failed, to run again", "2 of 2 trials done"]);
    lab.orch("retry --failed").says(0, &["no trial has failed"]);
    assert_eq!(lab.recorded(), undisturbed(&[]));
}

#[test]
fn a_request_that_makes_no_sense_is_skipped() {
    let lab = Lab::with(&HANG);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 6);
    lab.orch("stop state=queued").says(0, &[]);
    let requests = lab.run_folder().join("requests");
    std::fs::write(requests.join("1.json"), "{\"request\":\"sneeze\"}").unwrap();
    let unknown = "{\"request\":\"retry\",\"trials\":[\"nobody\"]}";
    std::fs::write(requests.join("2.json"), unknown).unwrap();
    wait_for("the requests", || {
        std::fs::read_dir(&requests).unwrap().next().is_none().then_some(())
    });
    lab.orch("stop variant=a").says(0, &[]);
    let words = ["skipped a request", "1.json", "2.json`: `nobody` is not a trial of this run"];
    run.end().says(130, &words);
}

#[test]
fn too_many_failures_end_the_run() {
    let lab = Lab::with(&[
        ("  b: {label: Second", "  c: {set: {hang_at: 7, offset: 2}}\n  b: {label: Second"),
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {crash_at: 7}"),
        ("attempts: 3", "attempts: 1"),
    ]);
    let ended = lab.orch("run trip.yaml -j 2 --max-fails 1");
    ended.says(1, &["too many trials failed", "of 3 trials done, 1 failed"]);
    // Whoever waited for it hears the same, from a database made again too.
    lab.orch("wait").says(1, &["of 3 trials done, 1 failed:"]);
    lab.orch("db rebuild").says(0, &[]);
    lab.orch("attach").says(1, &["of 3 trials done, 1 failed:"]);
    assert_eq!(lab.journey("a-s0-").last().unwrap(), "failed");
    assert_eq!(lab.journey("c-s0-").last().unwrap(), "interrupted");
    lab.orch("run trip.yaml --fail-fast --keep-going").says(2, &["cannot be used with"]);
    // What failed is to be tried again: something is left to run.
    lab.orch("retry --failed").says(0, &[]);
    lab.orch("wait").says(130, &["of 3 trials done; run the file again"]);
}
