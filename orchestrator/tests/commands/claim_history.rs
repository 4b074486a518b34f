//! What is said of claims whose numbers could have been chosen by the results.

use std::fs;

use serde_json::Value;

use super::until_resolved::{claims, expected, prints, run, seeds};
use crate::common::test_run::TestRun;

/// Three seeds of every row of the fixture, without a design.
fn three_seeds() -> TestRun {
    let test = run();
    test.edit(&[
        ("  design: {looks: [3, 5, 8]}\n", ""),
        ("seeds: 0-7", "seeds: 0-2"),
        ("{name: table,", "{name: table, baseline: base,"),
    ]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("report").expect(0, &[]);
    assert!(claims(&test).contains("\"notes\": []"), "{}", claims(&test));
    test
}

/// Asserts that every file of the claims says it, before the file is run again, after, and once the database was
/// made again.
#[track_caller]
fn is_said(test: &TestRun, said: &str) {
    prints(test, "report trip.yaml", 0, &[said]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("db rebuild").expect(0, &[]);
    prints(test, "report", 0, &[said]);
    for file in ["claims.md", "claims.json", "report.html"] {
        let text = fs::read_to_string(test.run_dir().join("report").join(file)).unwrap();
        let text = text.replace("&gt;", ">").replace("&lt;", "<");
        assert!(text.contains(said), "{file}: {text}");
    }
    let checked = test.orch("check-claims --json --badge badge.svg");
    let badge = fs::read_to_string(test.path("badge.svg")).unwrap();
    assert!(
        badge.contains("supported, with notes") || badge.contains("refuted, with notes"),
        "{badge}"
    );
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert!(checked["notes"].to_string().contains(said), "{checked}");
}

#[test]
fn a_claim_that_was_made_or_dropped_once_there_were_results_is_said() {
    let test = three_seeds();
    test.edit(&[("same.psnr > base.psnr", "same.psnr < base.psnr")]);
    is_said(&test, "once 9 trials had finished: `same.psnr < base.psnr`. A verdict has the stated");
    is_said(&test, "when there were results, and makes no more: `same.psnr > base.psnr`.");
    // Made again, it is as it was at first.
    test.edit(&[("same.psnr < base.psnr", "same.psnr > base.psnr")]);
    is_said(&test, "makes no more: `same.psnr < base.psnr`.");
    assert!(!claims(&test).contains("Claimed on"), "{}", claims(&test));
    // The same claim by another comparison is another claim.
    test.edit(&[("better: higher}", "better: higher, compare: ratio}")]);
    is_said(&test, "once 9 trials had finished: `far.psnr > base.psnr (by ratio)`, `same.psnr");
}

#[test]
fn claims_that_are_made_before_the_first_result_may_change() {
    let test = run();
    test.edit(&[("  design: {looks: [3, 5, 8]}\n", ""), ("{args}", "--no-such-option")]);
    assert_eq!(test.orch("run trip.yaml").code, 1);
    test.edit(&[("same.psnr > base.psnr", "far.psnr best"), ("--no-such-option", "{args}")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("report").expect(0, &[]);
    assert!(claims(&test).contains("\"notes\": []"), "{}", claims(&test));
}

#[test]
fn rows_that_are_left_out_once_they_have_results_are_said() {
    let test = three_seeds();
    test.edit(&[("  same: {set: {noise: same}}\n", "  same: {set: {noise: other}}\n")]);
    test.orch("run trip.yaml").expect(0, &["3 new"]);
    is_said(
        &test,
        "Left out: results of these rows with other settings, or another command (same 0-2).",
    );
    // Also where the comparisons of the table stand alone.
    let against = fs::read_to_string(test.run_dir().join("report/table-against.tex")).unwrap();
    assert!(against.contains("results of these rows with other settings"), "{against}");
    test.edit(&[("  same:", "  again:"), ("same.psnr", "again.psnr")]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    is_said(
        &test,
        "Left out: rows that were run, and that the file does not name any more (same 0-2).",
    );
}

#[test]
fn a_trial_that_is_run_again_once_it_has_succeeded_is_said() {
    let test = three_seeds();
    fs::remove_dir_all(test.trial("far-s1-").unwrap()).unwrap();
    test.orch("run trip.yaml --rerun-damaged").expect(0, &[]);
    let said = "Seeds were run again once they had succeeded, with the same code as far as that is known (far 1)";
    is_said(&test, said);
    // Other code is a reason of its own, and coming back to the first is not.
    let script = test.path("effect.py");
    let first = fs::read_to_string(&script).unwrap();
    for (code, is_repeated) in [(format!("{first}\n# other\n"), false), (first, true)] {
        fs::write(&script, code).unwrap();
        test.orch("run trip.yaml --rerun-stale").expect(0, &["9 to run again"]);
        test.orch("report").expect(0, &[]);
        assert_eq!(claims(&test).contains("(base 0-2; far 0-2; same 0-2)"), is_repeated);
    }
}

#[test]
fn trials_that_the_journal_has_lost_are_said() {
    let test = three_seeds();
    for name in ["journal.jsonl", "orch.db", "orch.db-seal"] {
        fs::remove_file(test.run_dir().join(name)).unwrap();
    }
    let lost = "was started, and is not in the journal";
    test.orch("run trip.yaml").expect(5, &[lost, "9 of 9 trials done"]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    is_said(&test, "The journal did not know that these trials had been started");
    let table = fs::read_to_string(test.run_dir().join("report/table.md")).unwrap();
    assert!(table.contains("The journal did not know"), "{table}");
    // Run again, they are known.
    fs::remove_dir_all(test.trial("far-s1-").unwrap()).unwrap();
    test.orch("run trip.yaml --rerun-damaged").expect(0, &[]);
    prints(&test, "report", 0, &["is not known: base-s0-"]);
    assert!(!claims(&test).contains("far-s1-"), "{}", claims(&test));
}

#[test]
fn claims_about_rows_that_lack_trials_are_incomplete() {
    let test = run();
    test.edit(&[
        ("  design: {looks: [3, 5, 8]}\n", ""),
        ("    - {claim: Same is better., compare: same.psnr > base.psnr}\n", ""),
        ("seeds: 0-7", "seeds: 0-3"),
        ("{effect: 0.0}", "{effect: 0.0, fail-at: 2}"),
    ]);
    let script = test.path("effect.py");
    let code = fs::read_to_string(&script).unwrap();
    let fails = "parser.add_argument(\"--fail-at\", type=int)\narguments = parser.parse_args()\n\
                 assert arguments.seed != arguments.fail_at or arguments.noise != \"far\"\n";
    fs::write(&script, code.replace("arguments = parser.parse_args()\n", fails)).unwrap();
    assert_eq!(test.orch("run trip.yaml").code, 1);
    let left_out = "Against base, seeds are left out (not succeeded in both rows): 2.";
    prints(&test, "check-claims", 3, &["ok       supported: Far is better.", left_out]);
    prints(&test, "report", 3, &[left_out]);
    let tex = fs::read_to_string(test.run_dir().join("report/claims.tex")).unwrap();
    assert!(tex.contains(left_out), "{tex}");
}

#[test]
fn a_bundle_says_what_its_report_says() {
    let test = three_seeds();
    test.edit(&[("same.psnr > base.psnr", "same.psnr < base.psnr")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("bundle -o trip.zip").expect(0, &[]);
    let said = ["The report says of its results:", "- Claimed on", "makes no more"];
    prints(&test, "verify trip.zip", 0, &said);
}

#[test]
fn a_design_that_changes_once_there_are_results_is_said() {
    let test = run();
    test.orch("run trip.yaml --until-resolved --budget 1ms").expect(3, &[]);
    test.edit(&[("looks: [3, 5, 8]", "looks: [3, 4, 5, 6, 7, 8], alpha: 0.1")]);
    let said =
        "once 9 trials had finished, from group-sequential looks after 3, 5, 8 seeds at 0.05 to";
    // Before the file is run again, and after.
    prints(&test, "report trip.yaml", 0, &[said]);
    test.orch("run trip.yaml").expect(0, &[]);
    prints(&test, "report", 0, &[said]);
    for file in ["claims.md", "claims.tex", "claims.json", "report.html"] {
        let text = fs::read_to_string(test.run_dir().join("report").join(file)).unwrap();
        assert!(text.contains(said), "{file}: {text}");
    }
    // And once the database was made again.
    test.orch("db rebuild").expect(0, &[]);
    prints(&test, "report", 0, &[said]);
}

#[test]
fn seeds_that_are_added_without_a_design_are_said() {
    let test = run();
    test.edit(&[("  design: {looks: [3, 5, 8]}\n", ""), ("seeds: 0-7", "seeds: 0-2")]);
    test.orch("run trip.yaml").expect(0, &[]);
    prints(&test, "report", 0, &["Claims"]);
    assert!(claims(&test).contains("\"notes\": []"));
    test.edit(&[("seeds: 0-2", "seeds: 0-4")]);
    test.orch("run trip.yaml").expect(0, &["6 new"]);
    prints(&test, "report", 0, &["(base 3, 4; far 3, 4; same 3, 4)"]);
}

#[test]
fn two_seeds_decide_nothing_so_that_more_may_follow() {
    let test = run();
    test.edit(&[("  design: {looks: [3, 5, 8]}\n", ""), ("seeds: 0-7", "seeds: 0-1")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.edit(&[("seeds: 0-1", "seeds: 0-4")]);
    test.orch("run trip.yaml").expect(0, &["9 new"]);
    test.orch("report").expect(0, &[]);
    assert!(claims(&test).contains("\"notes\": []"), "{}", claims(&test));
}

#[test]
fn seeds_that_are_left_out_once_they_have_results_are_said() {
    let test = run();
    test.edit(&[("seeds: 0-7", "seeds: 0-3")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.edit(&[("seeds: 0-3", "seeds: [1, 3]"), ("effect: 9.0", "effect: 8.0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    // What ran before with other settings is another matter.
    let said = "Left out: seeds that were run with the same settings, and that the file does not name any more \
                (base 0, 2; same 0, 2).";
    test.orch("report").expect(0, &[]);
    let table = fs::read_to_string(test.run_dir().join("report/table.md")).unwrap();
    assert!(table.contains(said), "{table}");
    test.edit(&[("seeds: [1, 3]", "seeds: 0-3")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let drawn = test.orch("report").stdout;
    assert!(!drawn.contains("Left out: seeds"), "{drawn}");
}

#[test]
fn an_order_of_seeds_that_was_chosen_later_changes_no_look() {
    let test = run();
    assert_eq!(test.orch("run trip.yaml --until-resolved").code, 3);
    let judged = || {
        prints(&test, "report", 0, &["decided after 3 seeds"]);
        claims(&test)
    };
    let before = judged();
    test.edit(&[("seeds: 0-7", "seeds: [7, 5, 3, 1, 0, 2, 4, 6]")]);
    test.orch("run trip.yaml --until-resolved").expect(3, &["nothing is left to do"]);
    assert_eq!(seeds(&test)["far"], 3);
    assert_eq!(judged(), before);
    // A seed that is put in front comes last.
    test.edit(&[("seeds: [7,", "seeds: [8, 7,"), ("looks: [3, 5, 8]", "looks: [3, 5, 8, 9]")]);
    test.orch("run trip.yaml --until-resolved").expect(3, &["more seeds of base to 9, same to 9"]);
    assert_eq!(seeds(&test), expected([("base", 9), ("far", 3), ("same", 9)]));
}
