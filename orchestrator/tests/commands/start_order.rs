//! The order in which trials start.

use std::fs;

use serde_json::Value;

use crate::common::test_run::TestRun;

/// The variants of a run in the order in which they were started.
fn started(test: &TestRun, run: &str) -> Vec<String> {
    let journal = fs::read_to_string(test.path(format!("runs/{run}/journal.jsonl"))).unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["entry"]["to"]["state"] == "starting")
        .map(|line| line["entry"]["trial"].as_str().unwrap().split("-s").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_longest_start_first_unless_the_file_prefers_others() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        (
            "label: First}",
            "label: First}
  c: {set: {offset: 2}, cost: 3}
  d: {set: {offset: 3}, priority: 1}",
        ),
        (
            "offset: 1}}",
            "offset: 1}, cost: 2}
profiles: {usual: {}, other: {variants: {b: {cost: 4}, d: {priority: -1}}}}",
        ),
    ]);
    test.orch("run trip.yaml -j 1").expect(0, &[]);
    assert_eq!(started(&test, "trip.usual"), ["d", "c", "b", "a"]);
    test.orch("run trip.yaml -j 1 -p other").expect(0, &[]);
    assert_eq!(started(&test, "trip.other"), ["b", "c", "a", "d"]);
    test.edit(&[("cost: 3", "cost: 0")]);
    test.orch("run trip.yaml")
        .expect(2, &["a cost of 0 is not positive", "write a positive number"]);
}
