//! Programs of `notify` are told what happens, and change nothing.

use std::fs;

use serde_json::Value;

use super::unchanged_scripts::with_script;
use super::until_resolved;
use crate::common::test_run::TestRun;

/// What the program `tell.sh` was told, an object a line, sorted by event and text: programs run side by side.
fn told(test: &TestRun) -> Vec<Value> {
    let text = fs::read_to_string(test.path("told")).unwrap_or_default();
    let mut told: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    told.sort_by_key(|event| (event["event"].to_string(), event["text"].to_string()));
    told
}

fn texts(test: &TestRun) -> Vec<String> {
    told(test).iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker]}
notify:
  - {command: [sh, tell.sh]}
  - {command: [sh, -c, 'exit 3'], on: [finish]}
  - {command: [no-such-program], on: [failure]}
config: {steps: 2}
variants: {a: {}, b: {set: {crash_at: 1}}}
seeds: [0, 1]
retry: {attempts: 1}
";

#[test]
fn the_first_failure_and_the_end_are_told() {
    let test = TestRun::with_file(FILE);
    fs::write(test.path("tell.sh"), "line=$(cat); echo \"$line\" >> told").unwrap();
    let ended = test.orch("run trip.yaml --keep-going");
    ended.expect(
        1,
        &["`notify`: `sh` ended with exit status: 3", "`no-such-program` cannot be started"],
    );
    let events = told(&test);
    assert_eq!(events.len(), 2, "{events:?}");
    let (failure, finish) = (&events[0], &events[1]);
    assert_eq!(failure["event"], "failure");
    assert!(failure["trial"].as_str().unwrap().starts_with("b-s"), "{failure}");
    assert_eq!(finish["text"], "trip: 2 of 4 trials done, 2 failed");
    assert_eq!(finish["exit_code"], 1);
    // Nothing is left to tell.
    test.orch("run trip.yaml --only a").expect(0, &["nothing is left to do"]);
    assert_eq!(told(&test).len(), 2);
}

#[test]
fn a_program_without_a_name_is_a_mistake_of_the_file() {
    let test = TestRun::with_file(&FILE.replace("[no-such-program]", "[]"));
    test.orch("validate trip.yaml").expect(2, &["the command is empty"]);
    let test = TestRun::with_file(&FILE.replace("on: [failure]", "on: [failures]"));
    test.orch("validate trip.yaml").expect(2, &["`failures`", "`failure`"]);
}

#[test]
fn verdicts_on_claims_are_told_once() {
    let notify = "notify: [{command: [sh, tell.sh], on: [resolved, finish]}]\nconfig:";
    let file = until_resolved::FILE.replace("config:", notify);
    let test = with_script(&file, "effect.py");
    fs::write(test.path("tell.sh"), "line=$(cat); echo \"$line\" >> told").unwrap();
    test.orch("run trip.yaml --until-resolved").expect(3, &[]);
    let expected = ["trip: 2 claims: 1 open, 1 supported", "trip: supported: Far is better."];
    assert_eq!(texts(&test), expected);
    test.orch("run trip.yaml --until-resolved").expect(3, &["nothing is left to do"]);
    assert_eq!(texts(&test), expected);
}
