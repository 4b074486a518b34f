//! Detached runs: errors before they detach, `orch wait` and `orch attach`.

use std::fs;

use crate::common::default_file::reference_records;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;

/// Starts the usual run in the background; its supervisor's process id.
fn detach(test: &TestRun, arguments: &str) -> u32 {
    let started = test.json(&format!("run trip.yaml -d --json {arguments}"));
    assert_eq!(started["log"], "runs/trip/supervisor.log");
    started["pid"].as_u64().unwrap() as u32
}

#[test]
fn a_detached_run_has_a_session_of_its_own() {
    let test = TestRun::new();
    let started = test.orch("run trip.yaml -d");
    started.expect(0, &["trip: 2 trials: 2 new\n", "trip is running in the background as process"]);
    let pid = test.json("status --json")["supervisor"]["pid"].as_u64().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
    assert_eq!(session, pid.to_string());

    let waited = test.orch("wait trip");
    assert_eq!((waited.code, waited.stdout.as_str(), waited.stderr.as_str()), (0, "", ""));
    assert_eq!(test.recorded(), reference_records(&[]));
    let log = fs::read_to_string(test.path("runs/trip/supervisor.log")).unwrap();
    assert!(log.contains("2 of 2 trials done"), "{log}");
    // A run that is done starts no process.
    test.orch("run trip.yaml -d").expect(0, &["nothing is left to do"]);
}

#[test]
fn errors_found_before_detaching_are_reported_in_the_foreground() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 2"), ("label: Second", "lable: Second")]);
    test.orch("run trip.yaml -d").expect(2, &["trip.yaml:8:7: unknown field `lable`"]);
    assert!(!test.path("runs").exists());
    test.edit(&[("lable", "label")]);
    let pid = detach(&test, "");
    test.orch("run trip.yaml -d").expect(4, &[&format!("`trip` is being run by process {pid} on")]);
    test.orch("run trip.yaml").expect(4, &[]);
}

#[test]
fn errors_of_the_detached_supervisor_are_reported_in_the_foreground() {
    let test = TestRun::new();
    // Refused only once the supervisor is about to write.
    fs::create_dir_all(test.path("runs/trip/experiment.yaml")).unwrap();
    test.orch("run trip.yaml -d").expect(1, &["error: cannot write `runs/trip/experiment.yaml`"]);
}

#[test]
fn wait_ends_with_the_outcome_of_the_run() {
    let test =
        TestRun::with(&[("label: First", "label: First, set: {fail: {class: data, message: no}}")]);
    detach(&test, "--only b");
    // The trial that `--only` left out is not waited for.
    test.orch("wait").expect(0, &[]);
    detach(&test, "");
    let waited = test.orch("wait");
    waited.expect(1, &["trip: 1 of 2 trials done, 1 failed:\n", "  data: no  orch why a-s0-"]);
    // The same again later.
    test.orch("wait").expect(1, &[]);
    test.orch("attach -q").expect(1, &["1 failed:"]);
}

#[test]
fn wait_may_time_out_or_see_an_interrupted_run() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 12")]);
    let pid = detach(&test, "");
    test.orch("wait --timeout 0s").expect(124, &["trip is still being run by process"]);
    test.wait_for_step("b-s0-", 1, 11);
    assert!(try_signal(pid, "-TERM"));
    test.orch("wait").expect(130, &["0 of 2 trials done; run the file again to resume"]);
    test.orch("wait --timeout soon").expect(2, &["invalid value 'soon'"]);
}

#[test]
fn wait_and_attach_notice_a_killed_supervisor_and_the_next_one_continues() {
    let test = TestRun::new().gated();
    let pid = detach(&test, "");
    test.wait_for_state("a-s0-", "running");
    test.wait_for_state("b-s0-", "running");
    let (waiting, attached) = (test.start("wait"), test.start("attach"));
    assert!(try_signal(pid, "-KILL"));
    waiting.end().expect(130, &["0 of 2 trials done, 2 running when the supervisor died; run"]);
    attached.end().expect(130, &["2 running when the supervisor died"]);
    detach(&test, "");
    test.open_gate();
    test.orch("wait").expect(0, &[]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn attach_reports_events_and_the_outcome() {
    // Two seconds a trial: `attach` polls many times in each, also on a busy machine.
    let test = TestRun::with(&[
        ("label: First", "label: First, set: {fail: {class: data, message: no}}"),
        ("sleep_ms: 20", "sleep_ms: 100"),
    ]);
    detach(&test, "-j 1");
    let attached = test.orch("attach");
    attached.expect(1, &[": failed: data: no\n", "its logs in ", "b-s0-", ": running\n"]);
    attached.expect(1, &["1 of 2 trials done, 1 failed:\n"]);
}
