//! `orch gc`: removes checkpoints that the file's rule does not keep, and nothing else; the records no
//! longer list them.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::default_file::reference_records;
use crate::common::test_run::TestRun;

const FAST: (&str, &str) = ("sleep_ms: 20", "sleep_ms: 0");

fn keep(rule: &str) -> (&'static str, String) {
    ("seeds: [0]", format!("seeds: [0]\nkeep: {{checkpoints: {rule}}}"))
}

/// A finished run of the default file with `rule` for its checkpoints.
fn finished(rule: &str) -> TestRun {
    let (seeds, with_rule) = keep(rule);
    let test = TestRun::with(&[FAST, (seeds, &with_rule)]);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test
}

/// The steps of the checkpoints in a trial's folder.
fn steps(test: &TestRun, trial: &str, folder: &str) -> Vec<u64> {
    let entries = fs::read_dir(test.trial(trial).unwrap().join(folder)).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut steps: Vec<_> = entries
        .filter_map(|entry| name(entry.unwrap()).strip_suffix(".json")?.parse().ok())
        .collect();
    steps.sort_unstable();
    steps
}

/// The checkpoints of each attempt in `orch show`, and the number of those that were removed.
fn checkpoints_in_show(test: &TestRun, trial: &str) -> Vec<(Value, Value)> {
    let page = test.json(&format!("show {trial} --json"));
    let attempts = page["attempts"].as_array().unwrap().iter();
    attempts.map(|a| (a["checkpoints"].clone(), a["removed_checkpoints"].clone())).collect()
}

/// All files below a folder with their contents, except databases and locks.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if !name.contains("orch.db") && !name.ends_with("supervisor.lock") {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn checkpoints_are_removed_by_the_rule_and_a_rebuilt_database_agrees() {
    let test = finished("{last: 1, best: {metric: loss, better: higher}}");
    let before = contents(&test.run_dir());
    let plan = test.orch("gc --dry-run");
    plan.expect(0, &[]);
    assert!(plan.stdout.contains("keeps of each trial the last 1, the best 1 by loss"), "{plan:?}");
    assert!(plan.stdout.contains("checkpoints/00000010.json  "), "{plan:?}");
    assert!(plan.stdout.contains("would remove 4 files of 2 trials and free"), "{plan:?}");
    assert_eq!(contents(&test.run_dir()), before);

    let done = test.json("gc trip --json");
    assert_eq!(
        (
            &done["checkpoints_that_stay"],
            &done["still_there"],
            done["trials"].as_array().unwrap().len()
        ),
        (&json!(4), &json!([]), 2)
    );
    for trial in ["a-s0", "b-s0"] {
        assert_eq!(steps(&test, trial, "checkpoints"), [5, 20]);
        assert_eq!(checkpoints_in_show(&test, trial), [(json!([5, 20]), json!(2))]);
    }
    fs::remove_file(test.run_dir().join("orch.db")).unwrap();
    assert_eq!(checkpoints_in_show(&test, "a-s0"), [(json!([5, 20]), json!(2))]);
    // All other files are unchanged.
    let after = contents(&test.run_dir());
    for file in before.iter().filter(|(name, _)| !name.ends_with("journal.jsonl")) {
        let still_there = after.iter().any(|(name, _)| *name == file.0);
        assert!(!still_there || after.contains(file), "{}", file.0);
    }
    assert_eq!(before.len() - after.len(), 4);
    let again = test.orch("gc");
    assert!(again.stdout.ends_with("nothing to remove; 4 checkpoints stay\n"), "{again:?}");
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn checkpoints_of_running_trials_are_kept_and_interrupted_ones_can_resume() {
    let (seeds, rule) = keep("{last: 0}");
    let test = TestRun::with(&[
        FAST,
        (seeds, &rule),
        ("label: Second, set: {offset: 1", "label: Second, set: {offset: 1, hang_at: 12"),
    ]);
    let run = test.start("run trip.yaml");
    test.wait_for_state("a-s0-", "succeeded");
    test.wait_for_step("b-s0-", 1, 11);
    let done = test.orch("gc");
    done.expect(0, &[]);
    assert!(done.stdout.contains("removed 4 files of 1 trials and freed"), "{done:?}");
    assert!(done.stdout.ends_with("1 trials are running and were skipped\n"), "{done:?}");
    assert_eq!(
        (steps(&test, "a-s0", "checkpoints"), steps(&test, "b-s0", "checkpoints")),
        (vec![], vec![5, 10])
    );
    run.signal("-INT");
    run.end().expect(130, &[]);
    test.orch("gc").expect(0, &[]);
    assert_eq!(steps(&test, "b-s0", "checkpoints"), [12]);

    test.edit(&[("hang_at: 12", "hang_at: 0")]);
    assert_eq!(checkpoints_in_show(&test, "b-s0"), [(json!([12]), json!(2))]);
}

#[test]
fn a_removal_that_was_recorded_and_not_done_is_done_by_the_next_supervisor() {
    let test = finished("{last: 1}");
    let checkpoint = test.trial("a-s0").unwrap().join("checkpoints/00000005.json");
    test.orch("gc").expect(0, &[]);
    // As if it had been recorded, and not been done.
    fs::write(&checkpoint, "5").unwrap();
    test.edit(&[("last: 1", "last: 9")]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    assert_eq!(test.json("gc --json")["trials"].as_array().unwrap().len(), 1);
    assert!(!checkpoint.exists());
}

#[test]
fn without_a_rule_only_partial_files_are_removed() {
    let test = TestRun::with(&[FAST]);
    test.orch("run trip.yaml").expect(0, &[]);
    let trial = test.trial("a-s0").unwrap();
    fs::write(trial.join("checkpoints/step-7.partial"), "half").unwrap();
    let done = test.orch("gc");
    done.expect(0, &["the file has no `keep`, so every checkpoint stays", "would free"]);
    assert!(done.stdout.contains("removed 1 files of 1 trials and freed 4 B"), "{done:?}");
    assert_eq!(steps(&test, "a-s0", "checkpoints"), [5, 10, 15, 20]);
}

#[test]
fn checkpoints_of_before_a_restart_are_removed() {
    let test = finished("{last: 1}");
    let run = test.start_with("run trip.yaml --rerun-stale", &[("FAKE_WORKER_BUILD", "fake-2")]);
    run.end().expect(0, &["2 of 2 trials done"]);
    let plan = test.orch("gc -n").stdout;
    assert!(plan.contains("4 checkpoints from before its restart"), "{plan}");
    test.orch("gc").expect(0, &[]);
    assert_eq!(steps(&test, "a-s0", "checkpoints-2"), [20]);
    assert!(!test.trial("a-s0").unwrap().join("checkpoints").exists());
    assert!(test.trial("a-s0").unwrap().join("artifacts").exists());
    assert_eq!(
        checkpoints_in_show(&test, "a-s0"),
        [(json!([]), json!(4)), (json!([20]), json!(3))]
    );
}

#[test]
fn paths_in_events_remove_nothing_outside_the_checkpoints() {
    let test = finished("{last: 0}");
    let trial = test.trial("a-s0").unwrap();
    let outside = test.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "").unwrap();
    symlink(&outside, trial.join("checkpoints/away")).unwrap();
    fs::write(trial.join("checkpoints/picture.png"), "").unwrap();
    let mut events = fs::read_to_string(trial.join("attempt-1/events.jsonl")).unwrap();
    let absolute = outside.join("precious").to_str().unwrap().to_owned();
    for (step, path) in [
        "../../../../outside/precious",
        "checkpoints/../../../../../outside/precious",
        "checkpoints/away/precious",
        &absolute,
        "attempt-1/events.jsonl",
        "trial.json",
        "artifacts",
        "checkpoints",
        ".",
        "checkpoints/picture.png",
    ]
    .iter()
    .enumerate()
    {
        let event = json!({"event": "checkpoint", "step": 100 + step, "path": path});
        writeln!(events, "{event}").unwrap();
    }
    let picture = "checkpoints/picture.png";
    events +=
        &json!({"event": "artifact", "kind": "image", "name": "x", "path": picture}).to_string();
    fs::write(trial.join("attempt-1/events.jsonl"), events + "\n").unwrap();
    // Not what the worker wrote.
    test.orch("gc").expect(5, &["events.jsonl` has "]);
    test.orch("run trip.yaml --accept-damage").expect(0, &[]);
    let done = test.orch("gc");
    assert!(done.stdout.contains("removed 8 files of 2 trials"), "{done:?}");
    for left in ["attempt-1/events.jsonl", "trial.json", "artifacts", "checkpoints/picture.png"] {
        assert!(trial.join(left).exists(), "{left}");
    }
    assert!(outside.join("precious").exists());
}
