//! The worker is rebuilt, the data change, or the file does, while results are there or on the way.

use std::fs;

use experiments::protocol::events::Event;

use crate::lab::{Ended, Lab, undisturbed};

/// Runs `orch` with another build of the worker, to its end.
fn rebuilt(lab: &Lab, arguments: &str) -> Ended {
    let output = lab.command(arguments).env("FAKE_WORKER_BUILD", "fake-2").output();
    Ended::of(output.unwrap())
}

fn id(lab: &Lab, trial: &str) -> String {
    lab.trial(trial).unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

/// A folder in which variant `a` was made by one build and `b` by the next.
fn mixed() -> Lab {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    lab.orch("run trip.yaml --only a").says(0, &[]);
    let note = format!("note: {} were made by another build", id(&lab, "a-s0-"));
    rebuilt(&lab, "run trip.yaml").says(0, &[&note]);
    lab
}

#[test]
fn an_edited_file_changes_nothing_of_a_run_under_way() {
    let lab = Lab::with(&[(
        "checkpoint_every: 5",
        "checkpoint_every: 5, crash_at: 7, crash_attempts: 1",
    )]);
    let run = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 1);
    lab.edit(&[("steps: 20", "steps: 8"), ("label: First", "label: Premier")]);
    assert_eq!(run.end().code, 0);
    assert_eq!(lab.attempts("a-s0-"), 2);
    assert_eq!(lab.recorded(), undisturbed(&[]));
    assert!(lab.orch("report").stdout.contains("First"));
}

#[test]
fn results_of_two_builds_stand_in_one_table_only_on_request() {
    let lab = mixed();
    let (a, b) = (id(&lab, "a-s0-"), id(&lab, "b-s0-"));
    let names = format!("{a} by `fake-1`; {b} by `fake-2`");
    let refused = lab.orch("report");
    refused.says(3, &["different builds of the worker made the results: ", &names]);
    refused.says(3, &["--rerun-stale", "--accept-code-change"]);
    assert_eq!(refused.stdout, "");
    assert!(!lab.path("runs/trip/report").exists());

    let accepted = lab.orch("report --accept-code-change");
    let note = format!("Different builds of the worker made the results: {names}.");
    accepted.says(0, &[]);
    let table = fs::read_to_string(lab.path("runs/trip/report/table.md")).unwrap();
    for text in [&accepted.stdout, &table] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&note), "{text}");
    }
}

#[test]
fn results_of_one_older_build_are_no_mixture() {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    lab.orch("run trip.yaml").says(0, &[]);
    rebuilt(&lab, "run trip.yaml").says(0, &["2 done\n", "nothing is left to do"]);
    assert_eq!(rebuilt(&lab, "report").code, 0);
}

#[test]
fn what_is_stale_is_run_again_from_the_beginning_on_request() {
    let lab = mixed();
    let before = lab.trial("a-s0-").unwrap().join("checkpoints");
    let old = fs::read_dir(&before).unwrap().count();
    let again = rebuilt(&lab, "run trip.yaml --rerun-stale");
    again.says(0, &["2 trials: 1 done, 1 to run again from the beginning\n", "2 of 2 trials done"]);
    assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (2, 1));
    let Event::Hello { resumed_from, .. } = lab.events("a-s0-", 2).swap_remove(0) else {
        panic!("the first word is no hello");
    };
    assert_eq!(resumed_from, None);
    assert_eq!(fs::read_dir(&before).unwrap().count(), old);
    assert_eq!(lab.recorded(), undisturbed(&[]));
    assert_eq!(lab.orch("report").code, 0);
    rebuilt(&lab, "run trip.yaml --rerun-stale").says(0, &["2 done\n", "nothing is left to do"]);
}

#[test]
fn work_that_would_go_on_with_another_build_is_named_and_begins_anew_on_request() {
    for (flag, resumed_from, code) in [("", Some(()), 3), ("--rerun-stale", None, 0)] {
        let lab = Lab::new();
        let run = lab.start("run trip.yaml -j 1");
        lab.reach("a-s0-", 1, 6);
        run.signal("-INT");
        assert_eq!(run.end().code, 130);
        let plan = rebuilt(&lab, "run trip.yaml -n");
        let note = format!("note: {} continue from the work of another build", id(&lab, "a-s0-"));
        plan.says(0, &["1 to resume, 1 new", &note]);
        rebuilt(&lab, &format!("run trip.yaml {flag}")).says(0, &["2 of 2 trials done"]);
        let Event::Hello { resumed_from: from, .. } = lab.events("a-s0-", 2).swap_remove(0) else {
            panic!("the first word is no hello");
        };
        assert_eq!(from.map(drop), resumed_from);
        assert_eq!(lab.recorded(), undisturbed(&[]));
        // One trial that two builds made is a mixed_builds by itself.
        assert_eq!(lab.orch("report").code, code);
    }
}

#[test]
fn results_with_data_that_have_changed_since_are_told_apart() {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    let with = |data: &str, arguments: &str| {
        Ended::of(lab.command(arguments).env("FAKE_WORKER_DATA", data).output().unwrap())
    };
    with("faces", "run trip.yaml --only a").says(0, &[]);
    let note = format!("note: {} were made with other data", id(&lab, "a-s0-"));
    with("more faces", "run trip.yaml").says(0, &[&note]);
    lab.orch("report").says(3, &["data that has changed since: a-s0-"]);
    assert_eq!(lab.orch("report --accept-code-change").code, 0);
    with("more faces", "run trip.yaml --rerun-stale").says(0, &["1 to run again from"]);
    assert_eq!(lab.orch("report").code, 0);
}
