//! Seeds are added until the claims are resolved, and no further.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::unchanged_scripts::with_script;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// A claim with a large effect, one of two rows that are the same but for noise, and a conjunction.
pub(super) const FILE: &str = "\
orch: 1
name: trip
worker:
  command: [python3, effect.py, '{args}', --seed, '{seed}']
  metrics: [{stdout: 'psnr=(?<psnr>\\S+)'}]
retry: {backoff: 1ms}
config: {effect: 0.0}
variants:
  base: {set: {noise: base}}
  far: {set: {noise: far, effect: 9.0}}
  same: {set: {noise: same}}
seeds: 0-7
report:
  design: {looks: [3, 5, 8]}
  table: {name: table, columns: [{metric: psnr, better: higher}]}
  claims:
    - {claim: Far is better., compare: far.psnr > base.psnr}
    - {claim: Same is better., compare: same.psnr > base.psnr}
";

pub(super) fn run() -> TestRun {
    with_script(FILE, "effect.py")
}

/// The number of succeeded seeds by row.
pub(super) fn seeds(test: &TestRun) -> BTreeMap<String, u64> {
    let query = "query --format json";
    let sql = "select variant, count(*) as n from final where state = 'succeeded' group by variant";
    let output = test.command(query).arg(sql).output().unwrap();
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row =
        |row: &Value| (row["variant"].as_str().unwrap().to_owned(), row["n"].as_u64().unwrap());
    rows["rows"].as_array().unwrap().iter().map(row).collect()
}

pub(super) fn expected(rows: [(&str, u64); 3]) -> BTreeMap<String, u64> {
    rows.map(|(row, seeds)| (row.to_owned(), seeds)).into()
}

/// Asserts the exit code of a verb, and parts of what it prints.
#[track_caller]
pub(super) fn prints(test: &TestRun, verb: &str, code: i32, parts: &[&str]) {
    let ended = test.orch(verb);
    assert_eq!(ended.code, code, "{}", ended.stderr);
    for part in parts {
        assert!(ended.stdout.contains(part), "no `{part}` in {}", ended.stdout);
    }
}

pub(super) fn claims(test: &TestRun) -> String {
    fs::read_to_string(test.run_dir().join("report/claims.json")).unwrap()
}

#[test]
fn only_the_rows_of_open_claims_get_more_seeds() {
    let test = run();
    let preview = test.orch("run trip.yaml --until-resolved -n");
    preview.expect(0, &["9 trials: 9 new"]);
    // Two rows that are the same have a verdict by chance alone: here they have none.
    let ended = test.orch("run trip.yaml --until-resolved");
    ended.expect(
        3,
        &["2 claims: 1 open, 1 supported", "Same is better.", "beyond the design's last look"],
    );
    assert_eq!(seeds(&test), expected([("base", 8), ("far", 3), ("same", 8)]));
    let again = test.orch("run trip.yaml --until-resolved");
    again.expect(3, &["nothing is left to do", "2 claims: 1 open, 1 supported"]);
    assert_eq!(seeds(&test)["far"], 3);
    test.orch("wait").expect(3, &["trip: open: Same is better."]);
    test.orch("attach").expect(3, &["trip: open: Same is better."]);
    test.orch("status").expect(0, &[]);
    prints(&test, "report", 0, &["decided after 3 seeds"]);
    assert!(claims(&test).contains("\"notes\": []"), "{}", claims(&test));
    // The plan, by the same records.
    prints(&test, "plan trip.yaml", 0, &["far.psnr > base.psnr", "one test"]);

    // Without it, every seed of the file runs.
    test.orch("run trip.yaml").expect(0, &["5 new"]);
    assert_eq!(seeds(&test)["far"], 8);
    test.orch("wait").expect(0, &[]);
}

#[test]
fn verdicts_are_on_the_trials_of_the_file_as_it_is() {
    let test = run();
    let verdicts = || {
        let ended = test.orch("run trip.yaml --until-resolved --json");
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        (ended.code, json["trials"].clone(), json["claims"].clone())
    };
    let whole = verdicts();
    assert_eq!(whole.1, 19);
    test.edit(&[("seeds: 0-7", "seeds: 0-3")]);
    let of_four = verdicts();
    assert_eq!(of_four.1, 11);
    assert_eq!(of_four.2[1]["verdict"], "open");
    assert_eq!(verdicts(), of_four);
    test.edit(&[("seeds: 0-3", "seeds: 0-7")]);
    assert_eq!(verdicts(), whole);
    // Other code, of which the older results are run again.
    let script = test.path("effect.py");
    let text = fs::read_to_string(&script).unwrap();
    fs::write(&script, text.replace("20.0 +", "21.0 +")).unwrap();
    test.edit(&[("seeds: 0-7", "seeds: 0-8")]);
    let again = test.orch("run trip.yaml --until-resolved --rerun-stale");
    again.expect(3, &["19 to run again", "2 claims: 1 open, 1 supported"]);
    assert_eq!(test.orch("report").code, 0);
}

#[test]
fn a_killed_supervisor_changes_nothing() {
    let reference = run();
    reference.orch("run trip.yaml --until-resolved").expect(3, &[]);
    let test = run();
    let gate = test.path("gate");
    let waits = format!("{{effect: 0.0, wait-for: '{}'}}", gate.display());
    test.edit(&[("{effect: 0.0}", &waits)]);
    let supervisor = test.start("run trip.yaml --until-resolved");
    wait_for("a seed of the second look", || {
        let trials = ["base-s3-", "base-s4-", "same-s3-", "same-s4-"];
        trials.iter().any(|trial| test.state(trial).as_deref() == Some("running")).then_some(())
    });
    supervisor.kill();
    fs::write(gate, "").unwrap();
    test.orch("run trip.yaml --until-resolved").expect(3, &["1 open, 1 supported"]);
    assert_eq!(seeds(&test), seeds(&reference));
}

#[test]
fn a_budget_ends_it_and_says_what_more_would_cost() {
    let test = run();
    let ended = test.orch("run trip.yaml --until-resolved --budget 1ms --json");
    ended.expect(3, &["Of the budget 0s are left."]);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["trials"], 9);
    assert_eq!(json["claims"][0]["verdict"], "supported");
    assert!(json["claims"][1]["open_because"].as_str().unwrap().contains("more seeds"), "{json}");
    assert_eq!(seeds(&test), expected([("base", 3), ("far", 3), ("same", 3)]));
    // More of it, and it goes on.
    test.orch("run trip.yaml --until-resolved --budget 1h").expect(3, &[]);
    assert_eq!(seeds(&test), expected([("base", 8), ("far", 3), ("same", 8)]));
}

#[test]
fn the_file_has_to_state_a_design_and_enough_seeds() {
    let test = run();
    test.edit(&[("  design: {looks: [3, 5, 8]}\n", "")]);
    test.orch("run trip.yaml --until-resolved").expect(2, &["needs claims and a design"]);
    let test = run();
    test.edit(&[("seeds: 0-7", "seeds: 0-3")]);
    test.orch("run trip.yaml --until-resolved")
        .expect(3, &["The file has no more seeds of base, same."]);
    assert_eq!(seeds(&test), expected([("base", 3), ("far", 3), ("same", 3)]));
}

#[test]
fn a_failed_trial_ends_it() {
    let test = run();
    test.edit(&[("same: {set: {noise: same}}", "same: {set: {nose: same}}")]);
    test.orch("run trip.yaml --until-resolved").expect(1, &["same"]);
    assert_eq!(seeds(&test).get("same"), None);
}

#[test]
fn claims_are_tests() {
    let test = run();
    test.orch("run trip.yaml --until-resolved").expect(3, &[]);
    let supported = "ok       supported: Far is better.  [far.psnr > base.psnr]";
    let open = "CHANGED  open (expected: supported): Same is better.";
    prints(&test, "check-claims", 1, &[supported, open]);
    prints(&test, "report", 0, &[]);
    let before = test.path("claims.json");
    fs::copy(test.run_dir().join("report/claims.json"), &before).unwrap();
    prints(&test, "check-claims --expect claims.json", 0, &[supported]);
    prints(&test, "check-claims trip.yaml --expect claims.json --badge badge.svg", 0, &[]);
    let badge = fs::read_to_string(test.path("badge.svg")).unwrap();
    assert!(badge.contains("claims: 1 of 2 supported"), "{badge}");
    // A claim that has gone, one that is new, and one that says the opposite.
    test.edit(&[("far.psnr > base.psnr", "far.psnr < base.psnr")]);
    prints(
        &test,
        "check-claims trip.yaml --expect claims.json",
        1,
        &["CHANGED  no longer claimed (expected: supported)", "ok       refuted (new)"],
    );
    fs::write(&before, "{}").unwrap();
    test.orch("check-claims --expect claims.json").expect(2, &["is not a file of verdicts"]);
}

#[test]
fn damaged_records_are_not_judged() {
    let test = run();
    test.orch("run trip.yaml --until-resolved").expect(3, &[]);
    let events = test.trial("far-s0-").unwrap().join("attempt-1/events.jsonl");
    fs::write(events, "").unwrap();
    let ended = test.orch("run trip.yaml --until-resolved");
    ended.expect(5, &["events.jsonl` has 0 bytes", "--rerun-damaged"]);
    assert!(!ended.stderr.contains("2 claims"), "{}", ended.stderr);
    let ended = test.orch("run trip.yaml --until-resolved --rerun-damaged");
    ended.expect(3, &["run again", "2 claims: 1 open, 1 supported"]);
}
