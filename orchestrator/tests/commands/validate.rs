//! `orch validate`: every mistake at once, with its line, and the exit code of `orch run -n`.

use std::fs;

use serde_json::{Value, json};

use crate::common::test_run::TestRun;

/// The changes of the default file, and whether it is still valid.
const CHANGES: [(&str, &str, bool); 7] = [
    ("seeds: [0]", "seeds: [0, 1]", true),
    ("label: First", "lable: First", false),
    ("seeds: [0]", "seeds: none", false),
    ("name: trip", "name: a b", false),
    // The worker's own check refuses it, and so does the machine.
    ("sleep_ms: 20", "sleep_ms: long", false),
    ("[fake-worker]", "[no-such-program]", false),
    ("seeds: [0]", "seeds: [0]\nresources: {cpus: 100000}", false),
];

#[test]
fn the_exit_code_is_that_of_a_dry_run_and_nothing_is_written() {
    for (from, to, is_valid) in CHANGES {
        let test = TestRun::with(&[(from, to)]);
        let validated = test.orch("validate trip.yaml");
        let planned = test.orch("run trip.yaml -n");
        assert_eq!(validated.code, planned.code, "{to}: {}", validated.stderr);
        assert_eq!(validated.code == 0, is_valid, "{to}: {}", validated.stderr);
        let object: Value = serde_json::from_str(&test.orch("validate trip.yaml --json").stdout)
            .expect("one object");
        assert_eq!(object["valid"], is_valid, "{to}");
        assert_eq!(object["findings"] == json!([]), is_valid, "{to}: {object}");
        // Only the worker and the machine can refuse these two.
        let runs_nothing = test.orch("validate trip.yaml --no-check");
        let is_valid_in_itself =
            is_valid || to.contains("sleep_ms: long") || to.contains("cpus: 100000");
        assert_eq!(runs_nothing.code == 0, is_valid_in_itself, "{to}: {}", runs_nothing.stderr);
        assert!(!test.path("runs").exists());
    }
    TestRun::new().orch("validate trip.yaml").expect(0, &["trip: 2 trials of 2 variants"]);
    TestRun::new().orch("validate trip.yaml -p paper").expect(2, &["there is no profile `paper`"]);
    TestRun::new().orch("validate none.yaml").expect(2, &["none.yaml: there is no such file"]);
}

#[test]
fn every_mistake_is_shown_with_its_line_and_a_mark_below_it() {
    let test = TestRun::with(&[
        ("label: First", "lable: First"),
        ("seeds: [0]", "seeds: [0]\ncolour: red"),
        ("backoff: 1ms", "backoff: 1"),
        ("decimals: 3", "decimals: few"),
    ]);
    let shown = test.orch("validate trip.yaml");
    shown.expect(
        2,
        &[
            "error: trip.yaml:4:22: `1` is not a duration",
            "  |\n4 | retry: {attempts: 3, backoff: 1}\n  |                      ^^^^^^^\n",
            "trip.yaml:7:7: unknown field `lable`",
            "  |\n7 |   a: {lable: First}\n  |       ^^^^^\n  = hint: did you mean `label`?",
            "trip.yaml:10:1: unknown field `colour`",
            "   |\n10 | colour: red\n   | ^^^^^^",
            "trip.yaml:12:",
        ],
    );
    // `orch run` shows the same.
    assert_eq!(test.orch("run trip.yaml").stderr, shown.stderr);
    // For editors.
    let object = test.orch("validate trip.yaml --json");
    let object: Value = serde_json::from_str(&object.stdout).unwrap();
    let lines: Vec<_> =
        object["findings"].as_array().unwrap().iter().map(|it| &it["line"]).collect();
    assert_eq!(lines, [4, 7, 10, 12]);
    let label = &object["findings"][1];
    assert_eq!((&label["column"], &label["end_column"]), (&json!(7), &json!(12)));
    assert_eq!(
        (&label["severity"], &label["hint"]),
        (&json!("error"), &json!("did you mean `label`?"))
    );
}

#[test]
fn a_misspelt_key_hides_no_mistake_of_another_section() {
    let test = TestRun::with(&[
        ("label: First", "lable: First"),
        ("attempts: 3", "attempts: 0"),
        ("columns: [{metric: psnr", "baseline: c, columns: [{metric: psnr"),
    ]);
    test.orch("validate trip.yaml")
        .expect(2, &["unknown field `lable`", "at least one attempt", "there is no variant `c`"]);
}

#[test]
fn warnings_do_not_count_unless_the_file_is_strict() {
    let file = "orch: 1\nname: trip\nworker: {command: [fake-worker]}\nconfig: {width: no}\n\
                variants: {a: {}}\nseeds: [0]\n";
    let test = TestRun::with_file(file);
    let marked = "4 | config: {width: no}\n  |                 ^^";
    test.orch("validate trip.yaml").expect(0, &["warning: trip.yaml:4:17", marked]);
    let object: Value =
        serde_json::from_str(&test.orch("validate trip.yaml --json").stdout).unwrap();
    assert_eq!(object["findings"][0]["severity"], "warning");
    fs::write(test.path("trip.yaml"), format!("{file}strict: true\n")).unwrap();
    test.orch("validate trip.yaml").expect(2, &["error: trip.yaml:4:17", marked]);
}
