//! Runs that go on behind the terminal: what is refused in front, and who follows and waits.

use std::fs;

use crate::lab::{Lab, undisturbed};
use crate::processes;

/// Starts the usual run in the background; its supervisor's process id.
fn detach(lab: &Lab, arguments: &str) -> u32 {
    let started = lab.json(&format!("run trip.yaml -d --json {arguments}"));
    assert_eq!(started["log"], "runs/trip/supervisor.log");
    started["pid"].as_u64().unwrap() as u32
}

#[test]
fn a_detached_run_goes_on_in_a_session_of_its_own() {
    let lab = Lab::new();
    let started = lab.orch("run trip.yaml -d");
    started.says(0, &["trip: 2 trials: 2 new\n", "trip is running in the background as process"]);
    let pid = lab.json("status --json")["supervisor"]["pid"].as_u64().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
    assert_eq!(session, pid.to_string());

    let waited = lab.orch("wait trip");
    assert_eq!((waited.code, waited.stdout.as_str(), waited.stderr.as_str()), (0, "", ""));
    assert_eq!(lab.recorded(), undisturbed(&[]));
    let log = fs::read_to_string(lab.path("runs/trip/supervisor.log")).unwrap();
    assert!(log.contains("2 of 2 trials done"), "{log}");
    // What is done needs no background.
    lab.orch("run trip.yaml -d").says(0, &["nothing is left to do"]);
}

#[test]
fn what_can_be_refused_is_refused_in_front() {
    let lab = Lab::with(&[("sleep_ms: 20", "hang_at: 2"), ("label: Second", "lable: Second")]);
    lab.orch("run trip.yaml -d").says(2, &["trip.yaml:8:7: unknown field `lable`"]);
    assert!(!lab.path("runs").exists());
    lab.edit(&[("lable", "label")]);
    let pid = detach(&lab, "");
    lab.orch("run trip.yaml -d").says(4, &[&format!("`trip` is being run by process {pid} on")]);
    lab.orch("run trip.yaml").says(4, &[]);
}

#[test]
fn what_goes_wrong_behind_is_said_in_front() {
    let lab = Lab::new();
    // Refused only once the supervisor is about to write.
    fs::create_dir_all(lab.path("runs/trip/experiment.yaml")).unwrap();
    lab.orch("run trip.yaml -d").says(1, &["error: cannot write `runs/trip/experiment.yaml`"]);
}

#[test]
fn waiting_ends_with_the_truth() {
    let lab =
        Lab::with(&[("label: First", "label: First, set: {fail: {class: data, message: no}}")]);
    detach(&lab, "--only b");
    // What was left out was not waited for.
    lab.orch("wait").says(0, &[]);
    detach(&lab, "");
    let waited = lab.orch("wait");
    waited.says(1, &["trip: 1 of 2 trials done, 1 failed:\n", "  data: no  orch why a-s0-"]);
    // It is just as true later.
    lab.orch("wait").says(1, &[]);
    lab.orch("attach -q").says(1, &["1 failed:"]);
}

#[test]
fn waiting_may_end_before_the_run_does() {
    let lab = Lab::with(&[("sleep_ms: 20", "hang_at: 12")]);
    let pid = detach(&lab, "");
    lab.orch("wait --timeout 0s").says(124, &["trip is still being run by process"]);
    lab.reach("b-s0-", 1, 11);
    assert!(processes::try_signal(pid, "-TERM"));
    lab.orch("wait").says(130, &["0 of 2 trials done; run the file again to resume"]);
    lab.orch("wait --timeout soon").says(2, &["invalid value 'soon'"]);
}

#[test]
fn a_killed_supervisor_is_noticed_and_the_next_one_goes_on() {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 50")]);
    let pid = detach(&lab, "");
    lab.reach("a-s0-", 1, 2);
    lab.settle("b-s0-", "running");
    let (waiting, attached) = (lab.start("wait"), lab.start("attach"));
    assert!(processes::try_signal(pid, "-KILL"));
    waiting.end().says(130, &["0 of 2 trials done, 2 running when the supervisor died; run"]);
    attached.end().says(130, &["2 running when the supervisor died"]);
    detach(&lab, "");
    lab.orch("wait").says(0, &[]);
    assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (1, 1));
    assert_eq!(lab.recorded(), undisturbed(&[]));
}

#[test]
fn who_attaches_is_told_what_happens_and_how_it_ended() {
    let lab =
        Lab::with(&[("label: First", "label: First, set: {fail: {class: data, message: no}}")]);
    detach(&lab, "-j 1");
    let attached = lab.orch("attach");
    attached.says(1, &[": failed: data: no\n", "its logs in ", "b-s0-", ": running\n"]);
    attached.says(1, &["1 of 2 trials done, 1 failed:\n"]);
}
