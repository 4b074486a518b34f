//! The worker, the data or the file changes after results were recorded, or during a run.

use std::fs;

use experiments::protocol::events::Event;

use crate::common::default_file::reference_records;
use crate::common::test_run::{Ended, TestRun};

/// Runs `orch` with another build of the worker to its end.
fn rebuilt(test: &TestRun, arguments: &str) -> Ended {
    let output = test.command(arguments).env("FAKE_WORKER_BUILD", "fake-2").output();
    Ended::of(output.unwrap())
}

fn id(test: &TestRun, trial: &str) -> String {
    test.trial(trial).unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

/// A folder in which variant `a` was made by one build and `b` by the next.
fn mixed() -> TestRun {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml --only a").expect(0, &[]);
    let note = format!("note: {} were made by another build", id(&test, "a-s0-"));
    rebuilt(&test, "run trip.yaml").expect(0, &[&note]);
    test
}

#[test]
fn an_edited_file_does_not_change_an_active_run() {
    let test = TestRun::with(&[(
        "checkpoint_every: 5",
        "checkpoint_every: 5, crash_at: 7, crash_attempts: 1",
    )]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 1);
    test.edit(&[("steps: 20", "steps: 8"), ("label: First", "label: Premier")]);
    assert_eq!(run.end().code, 0);
    assert_eq!(test.attempts("a-s0-"), 2);
    assert_eq!(test.recorded(), reference_records(&[]));
    let report = test.orch("report");
    assert!(report.stdout.contains("First"));
    report.expect(0, &["note: `trip.yaml` has changed since it was run"]);
}

#[test]
fn results_of_two_builds_are_in_one_table_only_on_request() {
    let test = mixed();
    let (a, b) = (id(&test, "a-s0-"), id(&test, "b-s0-"));
    let names = format!("{a} by `fake-1`; {b} by `fake-2`");
    let refused = test.orch("report");
    refused.expect(3, &["different builds of the worker made the results: ", &names]);
    refused.expect(3, &["--rerun-stale", "--accept-code-change"]);
    assert_eq!(refused.stdout, "");
    assert!(!test.path("runs/trip/report").exists());

    let accepted = test.orch("report --accept-code-change");
    let note = format!("Different builds of the worker made the results: {names}.");
    accepted.expect(0, &[]);
    let table = fs::read_to_string(test.path("runs/trip/report/table.md")).unwrap();
    // In Markdown a backtick is escaped.
    for text in [accepted.stdout, table.replace("\\`", "`")] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&note), "{text}");
    }
}

#[test]
fn results_of_one_older_build_are_not_mixed() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    rebuilt(&test, "run trip.yaml").expect(0, &["2 done\n", "nothing is left to do"]);
    assert_eq!(rebuilt(&test, "report").code, 0);
}

#[test]
fn stale_results_are_run_again_from_the_beginning_on_request() {
    let test = mixed();
    let before = test.trial("a-s0-").unwrap().join("checkpoints");
    let old = fs::read_dir(&before).unwrap().count();
    let again = rebuilt(&test, "run trip.yaml --rerun-stale");
    again.expect(
        0,
        &["2 trials: 1 done, 1 to run again from the beginning\n", "2 of 2 trials done"],
    );
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 1));
    let Event::Hello { resumed_from, .. } = test.events("a-s0-", 2).swap_remove(0) else {
        panic!("the first event is not `hello`");
    };
    assert_eq!(resumed_from, None);
    assert_eq!(fs::read_dir(&before).unwrap().count(), old);
    assert_eq!(test.recorded(), reference_records(&[]));
    assert_eq!(test.orch("report").code, 0);
    rebuilt(&test, "run trip.yaml --rerun-stale").expect(0, &["2 done\n", "nothing is left to do"]);
}

#[test]
fn trials_that_would_resume_with_another_build_are_named_and_restarted_on_request() {
    for (flag, resumed_from, code) in [("", Some(()), 3), ("--rerun-stale", None, 0)] {
        let test = TestRun::new();
        let run = test.start("run trip.yaml -j 1");
        test.wait_for_step("a-s0-", 1, 6);
        run.signal("-INT");
        assert_eq!(run.end().code, 130);
        let plan = rebuilt(&test, "run trip.yaml -n");
        let note = format!("note: {} continue from the work of another build", id(&test, "a-s0-"));
        plan.expect(0, &["1 to resume, 1 new", &note]);
        rebuilt(&test, &format!("run trip.yaml {flag}")).expect(0, &["2 of 2 trials done"]);
        let Event::Hello { resumed_from: from, .. } = test.events("a-s0-", 2).swap_remove(0) else {
            panic!("the first event is not `hello`");
        };
        assert_eq!(from.map(drop), resumed_from);
        assert_eq!(test.recorded(), reference_records(&[]));
        // A trial made by two builds is mixed by itself.
        assert_eq!(test.orch("report").code, code);
    }
}

#[test]
fn results_with_other_data_are_distinguished() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    let with = |data: &str, arguments: &str| {
        Ended::of(test.command(arguments).env("FAKE_WORKER_DATA", data).output().unwrap())
    };
    with("faces", "run trip.yaml --only a").expect(0, &[]);
    let note = format!("note: {} were made with other data", id(&test, "a-s0-"));
    with("more faces", "run trip.yaml").expect(0, &[&note]);
    test.orch("report").expect(3, &["data that has changed since: a-s0-"]);
    assert_eq!(test.orch("report --accept-code-change").code, 0);
    with("more faces", "run trip.yaml --rerun-stale").expect(0, &["1 to run again from"]);
    assert_eq!(test.orch("report").code, 0);
}

#[test]
fn of_a_trial_that_begins_again_nothing_of_before_is_drawn() {
    let test = TestRun::new();
    test.orch("run trip.yaml").expect(0, &[]);
    let again = "run trip.yaml --rerun-stale -j 1";
    let run = test.start_with(again, &[("FAKE_WORKER_BUILD", "fake-2")]);
    test.wait_for_step("a-s0-", 2, 3);
    test.orch("stop --all").expect(0, &[]);
    run.end().expect(130, &[]);
    // The other one has not begun.
    assert_eq!(test.attempts("b-s0-"), 1);
    assert_eq!(test.recorded().loss.keys().collect::<Vec<_>>(), ["a-s0"]);
    assert!(test.status("b-s0-").unwrap()["latest"]["loss"].is_null());
    test.orch("report --allow-partial").expect(0, &[]);
    let drawn = fs::read_to_string(test.path("runs/trip/report/data/loss.csv")).unwrap();
    assert!(drawn.contains("\na,") && !drawn.contains("\nb,"), "{drawn}");
    let counted = "select distinct variant from series union select distinct variant from final";
    let mut query = test.command("query");
    let rows = Ended::of(query.arg(counted).output().unwrap());
    assert_eq!(rows.stdout, "variant\na\n");
    // What was made again is what a new run makes.
    rebuilt(&test, "run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[]));
    test.orch("db check").expect(0, &[]);
}
