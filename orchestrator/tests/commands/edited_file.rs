//! The file is edited and run again: only trials that changed are run.

use serde_json::{Value, json};

use crate::common::test_run::{Ended, TestRun};

/// A finished run of the default file.
fn done() -> TestRun {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test
}

/// The variants that `orch status` shows, and true where they are retired.
fn variants_in_status(test: &TestRun, arguments: &str) -> Vec<(String, bool)> {
    let status = test.json(&format!("status --json {arguments}"));
    let trials = status["trials"].as_array().unwrap().iter();
    trials
        .map(|t| (t["variant"].as_str().unwrap().to_owned(), t["retired"].as_bool().unwrap()))
        .collect()
}

fn assert_nothing_left(ended: &Ended) {
    ended.expect(0, &["2 trials: 2 done\n", "nothing is left to do"]);
}

#[test]
fn only_an_added_variant_is_run() {
    let test = done();
    test.edit(&[("seeds:", "  c: {set: {offset: 2}}\nseeds:")]);
    test.orch("run trip.yaml").expect(0, &["3 trials: 2 done, 1 new\n", "3 of 3 trials done"]);
    assert_eq!(["a", "b", "c"].map(|trial| test.attempts(trial)), [1, 1, 1]);
}

#[test]
fn a_removed_variant_is_retired_and_comes_back() {
    let test = done();
    test.edit(&[("  b: {label: Second, set: {offset: 1}}\n", "")]);
    test.orch("run trip.yaml").expect(0, &["1 done; 1 retired, as this run does not include them"]);
    assert_eq!(variants_in_status(&test, ""), [("a".to_owned(), false)]);
    assert_eq!(
        variants_in_status(&test, "--all"),
        [("a".to_owned(), false), ("b".to_owned(), true)]
    );
    assert!(!test.orch("report").stdout.contains("Second"));

    test.edit(&[("seeds:", "  b: {label: Second, set: {offset: 1}}\nseeds:")]);
    assert_nothing_left(&test.orch("run trip.yaml"));
    assert!(test.orch("report").stdout.contains("Second"));
}

#[test]
fn changes_of_labels_and_the_report_section_run_nothing() {
    let test = done();
    test.edit(&[("label: Second", "label: Deuxième"), ("name: table,", "name: tableau,")]);
    // The file's new labels, though it was not run again; a run by name keeps its own.
    let of_file = test.orch("report trip.yaml");
    assert!(of_file.stdout.contains("Deuxième"), "{}", of_file.stdout);
    assert!(test.path("runs/trip/report/tableau.md").is_file());
    assert!(test.orch("report trip").stdout.contains("Second"));

    assert_nothing_left(&test.orch("run trip.yaml"));
    assert!(test.orch("report trip").stdout.contains("Deuxième"));
}

#[test]
fn a_renamed_variant_keeps_its_result_and_its_folder() {
    let test = done();
    let folder = test.trial("b-s0-").unwrap();
    let before = test.recorded().results["b-s0"]["psnr"];
    test.edit(&[("  b: {label: Second, ", "  second: {")]);
    assert_nothing_left(&test.orch("run trip.yaml"));
    assert_eq!(test.trial("b-s0-"), Some(folder));
    assert_eq!(test.attempts("second"), 0);
    let report = test.orch("report");
    let row = report.stdout.lines().find(|line| line.contains("second")).unwrap();
    assert!(row.contains(&format!("{before:.3}")), "{row}");
    assert_eq!(report.code, 0);
}

#[test]
fn set_changes_one_variant_and_never_flattens_several() {
    let test = done();
    let flat = test.orch("run trip.yaml --set offset=3");
    flat.expect(
        2,
        &["--set offset=3: variants differ in `offset`", "hint: ", "`--set b:offset=3`"],
    );
    test.orch("run trip.yaml --set b:offset=3").expect(0, &["2 trials: 1 done, 1 new; 1 retired"]);
    for of in ["trip", "trip.yaml"] {
        let table = test.orch(&format!("report {of}")).stdout.replace('\n', " ");
        assert!(table.contains("Run with --set b:offset=3."), "{table}");
    }
    let twin = test.orch("run trip.yaml --set b:offset=0");
    twin.expect(2, &["trip.yaml:8:3: variants `a` and `b` have the same config"]);
}

#[test]
fn only_retires_nothing() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml --only b").expect(0, &["1 new, 1 left out", "1 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (0, 1));
    test.orch("run trip.yaml --only a").expect(0, &["1 done, 1 new"]);
    assert_eq!(variants_in_status(&test, ""), [("a".to_owned(), false), ("b".to_owned(), false)]);
}

#[test]
fn one_job_is_one_trial_at_a_time() {
    let test =
        TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0"), ("seeds: [0]", "seeds: [0, 1, 2]")]);
    test.orch("run trip.yaml -j 1").expect(0, &["6 of 6 trials done"]);
    let journal = std::fs::read_to_string(test.run_dir().join("journal.jsonl")).unwrap();
    let (mut active, mut most) = (0, 0);
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["entry"]["to"]["state"].as_str() {
            Some("starting") => active += 1,
            Some("succeeded") => active -= 1,
            _ => {}
        }
        most = most.max(active);
    }
    assert_eq!((active, most), (0, 1));
}

#[test]
fn results_of_another_build_are_named_and_kept() {
    let test = done();
    let run = || test.command("run trip.yaml").env("FAKE_WORKER_BUILD", "fake-2").output().unwrap();
    let stderr = String::from_utf8(run().stderr).unwrap();
    let ids = ["a-s0-", "b-s0-"].map(|trial| {
        let folder = test.trial(trial).unwrap();
        folder.file_name().unwrap().to_str().unwrap().to_owned()
    });
    let note = format!("note: {} were made by another build of the worker (", ids.join(", "));
    assert!(stderr.contains(&note), "{stderr}");
    assert_eq!(test.attempts("a-s0-"), 1);
    assert_eq!(test.status("a-s0-").unwrap()["builds"], json!(["fake-1"]));
}
