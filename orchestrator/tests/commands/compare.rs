//! `orch compare`: the rows of several runs in one table, from the same records as their reports.

use std::fs;

use crate::common::test_run::TestRun;

const PROFILES: (&str, &str) = (
    "seeds: [0]",
    "seeds: [0, 1]
profiles:
  short: {description: Ten steps., caption: Too short., config: {steps: 10}}
  long: {description: Thirty steps., config: {steps: 30}}",
);

/// A run of each of two profiles; the long one lacks a variant.
fn two_runs() -> TestRun {
    let test = TestRun::with(&[PROFILES, ("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -p short").expect(0, &[]);
    test.edit(&[("  b: {label: Second, set: {offset: 1}}\n", "")]);
    test.orch("run trip.yaml -p long").expect(0, &[]);
    test
}

/// The fields of the table's line that begins with `label`, without the label.
fn row<'a>(table: &'a str, label: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.starts_with(label)).expect(label);
    line[label.len()..].split_whitespace().collect()
}

#[test]
fn rows_of_both_runs_have_the_numbers_of_their_own_reports() {
    let test = two_runs();
    let compared = test.orch("compare trip.short trip.long");
    compared.expect(0, &[]);
    let text = compared.stdout;
    assert!(text.starts_with("trip.short and trip.long. "), "{text}");
    assert!(text.contains("trip.short: Too short."), "{text}");
    let rows: Vec<_> = text.lines().filter_map(|line| line.split_once(" (trip.")).collect();
    let rows: Vec<_> = rows.iter().map(|(label, rest)| (*label, &rest[..4])).collect();
    assert_eq!(rows, [("First", "shor"), ("First", "long"), ("Second", "shor")], "{text}");
    for (run, label) in [("short", "First"), ("short", "Second"), ("long", "First")] {
        let report = test.orch(&format!("report trip.{run}")).stdout;
        let (own, here) = (row(&report, label), row(&text, &format!("{label} (trip.{run})")));
        let number = |fields: &[&str]| fields.join(" ").replace('*', "");
        assert_eq!(number(&here), number(&own), "{text}{report}");
    }
    let json = test.orch("compare trip.short trip.long --format json").stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 2);
    assert_eq!(json["rows"].as_array().unwrap().len(), 3);
    let report = fs::read_to_string(test.path("runs/trip.long/report/table.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(json["rows"][1]["variant"], "trip.long/a");
    assert_eq!(json["rows"][1]["trials"], report["rows"][0]["trials"]);
    for format in ["markdown", "latex", "csv"] {
        let text = test.orch(&format!("compare trip.long trip.short --format {format}")).stdout;
        assert!(text.contains("trip.long"), "{text}");
    }
}

#[test]
fn runs_that_cannot_be_compared_are_refused_with_a_reason() {
    let test = two_runs();
    test.orch("compare trip.short").expect(2, &["2 values required"]);
    test.orch("compare trip.short trip.short").expect(2, &["`trip.short` is named twice"]);
    test.orch("compare trip.short nope").expect(2, &["there is no run `nope`"]);
    test.edit(&[("metric: psnr", "metric: nothing")]);
    let words = "warning: table: `nothing`: no trial reports it; reported are `psnr`, `seed`";
    test.orch("run trip.yaml -p long").expect(3, &[words]);
    test.orch("compare trip.long trip.short").expect(2, &["no run has a final value", "nothing"]);
}
