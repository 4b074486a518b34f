//! The file is edited and run again: what changed is run, nothing else is.

use serde_json::{Value, json};

use crate::lab::{Ended, Lab};

/// A folder in which the usual file has been run, quickly.
fn done() -> Lab {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    lab.orch("run trip.yaml").says(0, &[]);
    lab
}

/// The variants and whether they are retired, as `orch status` shows them.
fn shown(lab: &Lab, arguments: &str) -> Vec<(String, bool)> {
    let status = lab.json(&format!("status --json {arguments}"));
    let trials = status["trials"].as_array().unwrap().iter();
    trials
        .map(|t| (t["variant"].as_str().unwrap().to_owned(), t["retired"].as_bool().unwrap()))
        .collect()
}

fn nothing_is_left(ended: &Ended) {
    ended.says(0, &["2 trials: 2 done\n", "nothing is left to do"]);
}

#[test]
fn an_added_variant_alone_is_run() {
    let lab = done();
    lab.edit(&[("seeds:", "  c: {set: {offset: 2}}\nseeds:")]);
    lab.orch("run trip.yaml").says(0, &["3 trials: 2 done, 1 new\n", "3 of 3 trials done"]);
    assert_eq!(["a", "b", "c"].map(|trial| lab.attempts(trial)), [1, 1, 1]);
}

#[test]
fn a_removed_variant_is_retired_and_comes_back() {
    let lab = done();
    lab.edit(&[("  b: {label: Second, set: {offset: 1}}\n", "")]);
    lab.orch("run trip.yaml").says(0, &["1 done; 1 retired, as the file no longer names them"]);
    assert_eq!(shown(&lab, ""), [("a".to_owned(), false)]);
    assert_eq!(shown(&lab, "--all"), [("a".to_owned(), false), ("b".to_owned(), true)]);
    assert!(!lab.orch("report").stdout.contains("Second"));

    lab.edit(&[("seeds:", "  b: {label: Second, set: {offset: 1}}\nseeds:")]);
    nothing_is_left(&lab.orch("run trip.yaml"));
    assert!(lab.orch("report").stdout.contains("Second"));
}

#[test]
fn labels_and_the_report_section_are_no_reason_to_run() {
    let lab = done();
    lab.edit(&[("label: Second", "label: Deuxième"), ("name: table,", "name: tableau,")]);
    // The file's present words, though it was not run again; a run by name keeps its own.
    let of_file = lab.orch("report trip.yaml");
    assert!(of_file.stdout.contains("Deuxième"), "{}", of_file.stdout);
    assert!(lab.path("runs/trip/report/tableau.md").is_file());
    assert!(lab.orch("report trip").stdout.contains("Second"));

    nothing_is_left(&lab.orch("run trip.yaml"));
    assert!(lab.orch("report trip").stdout.contains("Deuxième"));
}

#[test]
fn a_renamed_variant_keeps_its_result_and_its_folder() {
    let lab = done();
    let folder = lab.trial("b-s0-").unwrap();
    let before = lab.recorded().1["b-s0"]["psnr"];
    lab.edit(&[("  b: {label: Second, ", "  second: {")]);
    nothing_is_left(&lab.orch("run trip.yaml"));
    assert_eq!(lab.trial("b-s0-"), Some(folder));
    assert_eq!(lab.attempts("second"), 0);
    let report = lab.orch("report");
    let row = report.stdout.lines().find(|line| line.contains("second")).unwrap();
    assert!(row.contains(&format!("{before:.3}")), "{row}");
    assert_eq!(report.code, 0);
}

#[test]
fn set_changes_one_variant_and_never_flattens_several() {
    let lab = done();
    let flat = lab.orch("run trip.yaml --set offset=3");
    flat.says(2, &["--set offset=3: variants differ in `offset`", "hint: ", "`--set b:offset=3`"]);
    lab.orch("run trip.yaml --set b:offset=3").says(0, &["2 trials: 1 done, 1 new; 1 retired"]);
    for of in ["trip", "trip.yaml"] {
        let table = lab.orch(&format!("report {of}")).stdout.replace('\n', " ");
        assert!(table.contains("Run with --set b:offset=3."), "{table}");
    }
    let twin = lab.orch("run trip.yaml --set b:offset=0");
    twin.says(2, &["trip.yaml:8:3: variants `a` and `b` have the same config"]);
}

#[test]
fn only_retires_nothing() {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    lab.orch("run trip.yaml --only b").says(0, &["1 new, 1 left out", "1 of 2 trials done"]);
    assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (0, 1));
    lab.orch("run trip.yaml --only a").says(0, &["1 done, 1 new"]);
    assert_eq!(shown(&lab, ""), [("a".to_owned(), false), ("b".to_owned(), false)]);
}

#[test]
fn one_job_is_one_trial_at_a_time() {
    let lab = Lab::with(&[("sleep_ms: 20", "sleep_ms: 0"), ("seeds: [0]", "seeds: [0, 1, 2]")]);
    lab.orch("run trip.yaml -j 1").says(0, &["6 of 6 trials done"]);
    let journal = std::fs::read_to_string(lab.run_folder().join("journal.jsonl")).unwrap();
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
    let lab = done();
    let run = || lab.command("run trip.yaml").env("FAKE_WORKER_BUILD", "fake-2").output().unwrap();
    let stderr = String::from_utf8(run().stderr).unwrap();
    let ids = ["a-s0-", "b-s0-"].map(|trial| {
        let folder = lab.trial(trial).unwrap();
        folder.file_name().unwrap().to_str().unwrap().to_owned()
    });
    let note = format!("note: {} were made by another build of the worker (", ids.join(", "));
    assert!(stderr.contains(&note), "{stderr}");
    assert_eq!(lab.attempts("a-s0-"), 1);
    assert_eq!(lab.status("a-s0-").unwrap()["builds"], json!(["fake-1"]));
}
