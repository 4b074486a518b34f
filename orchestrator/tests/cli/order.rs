//! Which trials start first.

use std::fs;

use serde_json::Value;

use crate::lab::Lab;

/// The variants of a run in the order in which they were started.
fn started(lab: &Lab, run: &str) -> Vec<String> {
    let journal = fs::read_to_string(lab.path(format!("runs/{run}/journal.jsonl"))).unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["entry"]["to"]["state"] == "starting")
        .map(|line| line["entry"]["trial"].as_str().unwrap().split("-s").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_longest_start_first_unless_the_file_prefers_others() {
    let lab = Lab::with(&[
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
    lab.orch("run trip.yaml -j 1").says(0, &[]);
    assert_eq!(started(&lab, "trip.usual"), ["d", "c", "b", "a"]);
    lab.orch("run trip.yaml -j 1 -p other").says(0, &[]);
    assert_eq!(started(&lab, "trip.other"), ["b", "c", "a", "d"]);
    lab.edit(&[("cost: 3", "cost: 0")]);
    lab.orch("run trip.yaml").says(2, &["a cost of 0 is not positive", "write a positive number"]);
}
