//! No number, no success: metrics that no trial reports, workers that all fail the same way, and what a
//! file hardly means.

use std::fs;

use crate::common::test_run::TestRun;

/// Six trials, whose worker is a script in the test's folder.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config: {width: 1}
variants: {a: {label: A}, b: {label: B, set: {width: 2}}}
seeds: [0, 1, 2]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 1}]}
";

/// A worker without one of its packages, in Python's words.
const BROKEN: &str = "echo importing >&2
echo \"ModuleNotFoundError: No module named 'torch'\" >&2
exit 1";

const RESULT: &str = r#"echo '{"event":"result","values":{"psnr":20.5}}' >> "$ORCH_EVENTS""#;

fn with_worker(script: &str) -> TestRun {
    let test = TestRun::with_file(FILE);
    test.set_worker(script);
    test
}

impl TestRun {
    fn set_worker(&self, script: &str) {
        fs::write(self.path("worker.sh"), format!("{script}\n")).unwrap();
    }
}

#[test]
fn a_metric_that_no_trial_reports_is_named_and_the_run_is_incomplete() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("{metric: psnr, decimals: 3}", "{metric: psnr, decimals: 3}, {metric: psrn}"),
        ("metric: loss}}", "metric: los}}, {bars: {name: bars, metric: psrn}}"),
    ]);
    let column = "warning: table, figure `bars`: `psrn`: no trial reports it; reported are `psnr`, \
                  `seed`. Did you mean `psnr`?\n";
    let curve = "warning: figure `loss`: `los`: no trial reports it; reported is `loss`. Did you mean \
                 `loss`?\n";
    test.orch("run trip.yaml").expect(3, &[column, curve, "2 of 2 trials done"]);
    test.orch("wait").expect(3, &[column, curve]);
    test.orch("report").expect(3, &[column, curve]);
    test.orch("report --allow-partial").expect(0, &[column]);
    let report = test.orch("report --json");
    assert_eq!(report.code, 3);
    assert_eq!(report.json()["metric_gaps"]["unreported"][0]["nearest"], "psnr");
    let status = test.orch("status");
    assert!(status.code == 0 && status.stdout.contains(column), "{}", status.stdout);
    // With the right names all is well.
    test.edit(&[("metric: psrn", "metric: psnr"), ("metric: los}", "metric: loss}")]);
    test.edit(&[(", {metric: psnr}", "")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("report").expect(0, &[]);
}

#[test]
fn a_trial_that_reports_no_result_is_named() {
    let test = with_worker(&format!(r#"[ "$ORCH_VARIANT-$ORCH_SEED" = b-1 ] || {RESULT}"#));
    let words = "warning: 1 trial has succeeded and reported no result: b-s1-";
    test.orch("run trip.yaml").expect(3, &[words, "6 of 6 trials done"]);
    test.orch("report").expect(3, &[words]);
    let status = test.orch("status").stdout;
    assert!(status.contains("reported no result\n") && status.contains(words), "{status}");
}

#[test]
fn the_queue_waits_once_the_first_trials_have_failed_the_same_way() {
    let test = with_worker(BROKEN);
    test.edit(&[("attempts: 1", "attempts: 3, backoff: 1h")]);
    let cause = "exit 1: ModuleNotFoundError: No module named 'torch'";
    let said = format!(
        "3 of 6 trials failed the same way before their first event: {cause}\n\
         the other 3 wait in the queue; `--keep-going` runs them all the same\n"
    );
    let ended = test.orch("run trip.yaml -j 1");
    let summary = "0 of 6 trials done, 3 failed, 3 wait until the cause is removed:\n  3 trials  ";
    ended.expect(1, &[&said, summary]);
    assert_eq!(ended.stderr.matches("      importing\n").count(), 1, "{}", ended.stderr);
    let attempts = ["a-s0-", "a-s1-", "a-s2-", "b-s0-"].map(|trial| test.attempts(trial));
    assert_eq!(attempts, [1, 1, 1, 0]);
    test.orch("wait").expect(1, &[summary, ": ModuleNotFoundError: No module named 'torch'"]);
    let status = test.orch("status").stdout;
    let end = "\nthe run ended because its first trials failed the same way: the worker exited with code \
               1 (failure 1 of 3): ModuleNotFoundError: No module named 'torch'\n\
               once that is corrected, `orch run trip.yaml -j 1` resumes it\n";
    assert!(status.contains(end), "{status}");
    let ending = |end: &str| status.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!(ending("the worker exited with code 1 (failure 1 of 3)"), 3, "{status}");
    assert_eq!(ending("  no supervisor is running"), 3, "{status}");
    let why = test.orch("why a-s0").stdout;
    assert!(why.contains("\n  ModuleNotFoundError: No module named 'torch'\n"), "{why}");
    for trial in ["a-s0", "b-s0"] {
        let why = test.orch(&format!("why {trial}")).stdout;
        let cause = "The run ended because its first trials failed the same way: the worker exited with code 1";
        assert!(why.contains(cause) && why.contains("Correct that first"), "{why}");
    }
    // The cause is removed.
    test.set_worker(RESULT);
    test.orch("run trip.yaml").expect(0, &["6 of 6 trials done"]);
}

#[test]
fn trials_that_wait_to_begin_again_are_not_among_the_failed_ones() {
    let test = with_worker(RESULT);
    test.edit(&[("attempts: 1", "attempts: 3, backoff: 1h")]);
    test.orch("run trip.yaml").expect(0, &["6 of 6 trials done"]);
    test.set_worker(BROKEN);
    let summary = "0 of 6 trials done, 3 failed, 3 wait until the cause is removed:\n  3 trials  ";
    test.orch("run trip.yaml -j 1 --rerun-stale").expect(1, &[summary]);
    test.orch("wait").expect(1, &[summary]);
    assert!(test.orch("report").stdout.contains("not run"));
    // Nothing of before is gone on with.
    test.set_worker(RESULT);
    let plan = test.orch("run trip.yaml -n");
    plan.expect(0, &["trip: 6 trials: 3 to resume, 3 new"]);
    assert!(!plan.stderr.contains("continue from work"), "{}", plan.stderr);
}

#[test]
fn a_worker_that_works_for_one_trial_is_not_taken_for_broken() {
    let test = with_worker(&format!(
        "if [ $ORCH_VARIANT-$ORCH_SEED = a-0 ]; then {RESULT}; exit 0; fi\n{BROKEN}"
    ));
    let ended = test.orch("run trip.yaml -j 1");
    ended.expect(1, &["1 of 6 trials done, 5 failed:\n  5 trials  crashed: "]);
    assert!(!ended.stderr.contains("the same way"), "{}", ended.stderr);
}

#[test]
fn failures_are_grouped_by_cause() {
    let test = with_worker(&format!(
        "if [ $ORCH_VARIANT-$ORCH_SEED = b-2 ]; then echo 'out of luck' >&2; exit 2; fi\n{BROKEN}"
    ));
    let ended = test.orch("run trip.yaml --keep-going");
    let torch =
        "crashed: the worker exited with code 1: ModuleNotFoundError: No module named 'torch'";
    let luck = "crashed: the worker exited with code 2: out of luck";
    ended.expect(1, &["0 of 6 trials done, 6 failed:\n", "  5 trials  ", torch, luck]);

    let why = test.orch("why state=failed");
    assert_eq!(why.code, 0, "{}", why.stderr);
    let [first, second] =
        [format!("5 trials: failed: {torch}.\n  a-s0-"), "exited with code 2".to_owned()];
    assert!(why.stdout.starts_with(&first) && why.stdout.contains(&second), "{}", why.stdout);
    assert_eq!(why.stdout.matches("\n  importing\n").count(), 1, "{}", why.stdout);

    let logs = test.orch("logs state=failed --stderr");
    logs.expect(0, &[&format!("failed: {torch} (a-s0-"), &format!("failed: {luck} (b-s2-")]);
    let printed = "importing\nModuleNotFoundError: No module named 'torch'\nout of luck\n";
    assert_eq!(logs.stdout, printed);
    test.orch("logs state=failed -f").expect(2, &["matches 6 trials of `trip`; name one of them"]);
}

#[test]
fn a_file_that_hardly_means_what_it_says_is_warned_about() {
    let test = with_worker(RESULT);
    test.edit(&[("{width: 1}", "{width: 1, amp: on}"), ("{width: 2}", "{widht: 2}")]);
    let typo = "warning: trip.yaml:6:47: only this sets `widht`; did you mean `width`?\n";
    let boolean = "warning: trip.yaml:5:25: `on` looks like a boolean and is read as text: ";
    test.orch("run trip.yaml -n").expect(0, &[typo, boolean]);
    assert!(!test.orch("run trip.yaml -n -q").stderr.contains("warning"));
    test.orch("run trip.yaml -j 2 --set seed=1").expect(0, &[typo, boolean, "6 of 6 trials done"]);
    test.edit(&[("name: trip", "name: trip\nstrict: true")]);
    let refused = test.orch("run trip.yaml -n -q");
    refused.expect(2, &["error: trip.yaml:6:25: `on`", "\ntrip.yaml:7:47: only this sets `widht`"]);
}
