//! `orch compare`: the rows of several runs in one table, from the same records as their reports.

use std::fs;

use super::unchanged_scripts::with_script;
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

const SCRIPT: &str = "\
orch: 1
name: trip
worker:
  command: [python3, effect.py, '{args}', --seed, '{seed}']
  metrics: [{stdout: 'psnr=(?<psnr>\\S+)'}]
config: {effect: 0.0}
variants: {base: {}}
seeds: [0, 1]
report: {table: {name: table, columns: [{metric: psnr, better: higher}]}}
";

#[test]
fn runs_that_were_made_by_different_code_are_said_to_be() {
    let test = with_script(SCRIPT, "effect.py");
    let edit = |from: &str, to: &str| {
        let script = test.path("effect.py");
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.contains(from));
        fs::write(script, text.replace(from, to)).unwrap();
    };
    test.orch("run trip.yaml").expect(0, &[]);
    edit("20.0 +", "21.0 +");
    test.orch("run trip.yaml --rerun-stale").expect(0, &["2 of 2 trials done"]);
    fs::write(test.path("trap.yaml"), SCRIPT.replace("name: trip", "name: trap")).unwrap();
    test.orch("run trap.yaml").expect(0, &["2 of 2 trials done"]);
    // What ran before and counts no more is no difference.
    assert_eq!(test.json("diff trip trap --json")["code"], serde_json::json!({}));
    let said = "Different code made the results of trip and trap: effect.py is not the same.";
    for verb in ["compare trip trap", "report trip --beside trap"] {
        assert!(!test.orch(verb).stdout.contains("Different code"), "{verb}");
    }
    edit("21.0 +", "22.0 +");
    test.orch("run trap.yaml --rerun-stale").expect(0, &["2 of 2 trials done"]);
    for verb in ["compare trip trap", "report trip --beside trap"] {
        let ended = test.orch(verb);
        assert!(ended.stdout.contains(said), "{verb}: {}", ended.stdout);
    }
    assert!(test.json("diff trip trap --json")["code"]["effect.py"].is_array());
}
