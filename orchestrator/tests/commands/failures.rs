//! Workers that fail: retries, final failures, and messages.

use std::fs::{self, File};

use crate::common::default_file::reference_records;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn a_crash_is_retried_from_the_last_checkpoint() {
    let test = TestRun::with(&[("sleep_ms: 20", "crash_at: 7, crash_attempts: 1")]);
    let ended = test.orch("run trip.yaml");
    ended.expect(0, &["queued: the worker was ended by signal 6 (failure 1 of 3)"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 2));
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_crash_at_the_same_step_twice_is_final_and_the_others_go_on() {
    let test = TestRun::with(&[("offset: 1", "offset: 1, crash_at: 7")]);
    let ended = test.orch("run trip.yaml -j 1");
    let folder = test.trial("b-s0-").unwrap();
    let id = folder.file_name().unwrap().to_str().unwrap();
    let message = "crashed: the worker was ended by signal 6, twice at step 6";
    // The first attempt's log was shown in full; this one's only by `orch why`.
    ended.expect(1, &[&format!("its logs in runs/trip/trials/{id}/attempt-1 are empty\n")]);
    ended.expect(1, &[&format!("{id}: failed: {message}; `orch why {id}` shows its log\n")]);
    let list = format!("1 of 2 trials done, 1 failed:\n  {id}  {message}  orch why {id}\n");
    assert!(ended.stderr.ends_with(&list), "{}", ended.stderr);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 2));
    assert_eq!(test.state("a-s0-").unwrap(), "succeeded");
    assert!(test.orch("status").stdout.contains(message));

    // The report names what is missing, and uses no result of a failed trial.
    let report = test.orch("report");
    assert_eq!(report.code, 3, "{}", report.stderr);
    assert!(report.stdout.contains("failed (crashed)"), "{}", report.stdout);
}

#[test]
fn the_first_failure_is_shown_at_once_with_the_end_of_its_log() {
    let test = TestRun::with(&[
        (
            "command: [fake-worker], check: [fake-worker, check]",
            r#"command: [sh, -c, 'seq 30 >&2; printf "\033[31mred\n" >&2; exit 3']"#,
        ),
        ("attempts: 3", "attempts: 1"),
    ]);
    let ended = test.orch("run trip.yaml -q -j 1");
    let [a, b] = ["a-s0-", "b-s0-"]
        .map(|trial| test.trial(trial).unwrap().file_name().unwrap().to_str().unwrap().to_owned());
    let log = format!("runs/trip/trials/{a}/attempt-1/stderr.log");
    let (message, last) = ("failed: crashed: the worker exited with code 3", 12..=30);
    let last = last.map(|n| format!("      {n}")).collect::<Vec<_>>().join("\n");
    let first = format!(
        "{a}: {message}\n    the end of {log}:\n{last}\n      red\n    `orch show {a}` prints the commands to rerun it manually\n"
    );
    assert!(ended.stderr.starts_with(&first), "{}", ended.stderr);
    let second = format!("\n{b}: {message}; `orch why {b}` shows its log\n");
    assert!(ended.stderr.ends_with(&second), "{}", ended.stderr);
}

#[test]
fn permanent_failures_are_not_retried() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        (
            "  b: {label: Second, set: {offset: 1}}",
            "  data: {set: {fail: {class: data, message: no faces}}}
  diverged: {set: {fail: {class: diverged, message: the loss is NaN}}}
  config: {set: {fail: {class: config, message: 3 does not divide 8}}}
  unsaid: {set: {exit: 64}}",
        ),
    ]);
    let ended = test.orch("run trip.yaml --quiet");
    ended.expect(1, &["failed: data: no faces", "failed: diverged: the loss is NaN"]);
    ended
        .expect(1, &["failed: config: 3 does not divide 8", "failed: config: the config is wrong"]);
    for trial in ["data", "diverged", "config", "unsaid"] {
        assert_eq!(test.attempts(trial), 1, "{trial}");
    }
    assert_eq!(test.state("a-s0-").unwrap(), "succeeded");
}

#[test]
fn status_abbreviates_long_lists() {
    let seeds: Vec<_> = (0..45).map(|seed| seed.to_string()).collect();
    let test = TestRun::with(&[
        ("steps: 20, sleep_ms: 20", "steps: 1, sleep_ms: 0"),
        ("set: {offset: 1}", "seeds: [0], set: {fail: {class: data, message: no faces}}"),
        ("\nseeds: [0]", &format!("\nseeds: [{}]", seeds.join(", "))),
    ]);
    test.orch("run trip.yaml -q").expect(1, &[]);
    let status = test.orch("status").stdout;
    let lines: Vec<_> = status.lines().collect();
    assert_eq!(lines[0], "trip: 1 failed, 45 succeeded");
    assert!(lines[4].starts_with("b-s0-") && lines[4].ends_with("data: no faces"), "{status}");
    assert_eq!(lines[5..], ["and 45 more; `--all` lists them"]);
    let all = test.orch("status --all").stdout;
    assert_eq!(all.lines().filter(|line| line.starts_with("a-s")).count(), 45, "{all}");
}

#[test]
fn failed_trials_are_run_again_by_the_next_run() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0, crash_at: 7, crash_attempts: 1"),
        ("attempts: 3", "attempts: 1"),
    ]);
    test.orch("run trip.yaml").expect(1, &["0 of 2 trials done, 2 failed"]);
    test.orch("run trip.yaml").expect(0, &["2 failed, to run again", "2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_time_limit_that_a_worker_ignores_uses_up_an_attempt() {
    let test = TestRun::with(&[
        ("sleep_ms: 20, checkpoint_every: 5", "hang_at: 2, ignore_term: true"),
        ("attempts: 3", "attempts: 1"),
        ("grace: 30s", "grace: 10ms"),
        ("seeds: [0]", "seeds: [0]\nresources: {time: 500ms}"),
    ]);
    let ended = test.orch("run trip.yaml --only a");
    ended.expect(1, &["no-progress: its time limit was reached before a new checkpoint"]);
    assert_eq!(test.attempts("a-s0-"), 1, "{}", ended.stdout);
}

#[test]
fn malformed_events_fail_no_trial() {
    let test = TestRun::with(&[("sleep_ms: 20", "garbage: true, nan_at: 20")]);
    test.orch("run trip.yaml").expect(0, &[]);
    assert_eq!(test.status("a-s0-").unwrap()["skipped_lines"], 3);
    assert!(test.recorded().loss["a-s0"][19].1.is_nan());
}

/// A worker in shell that says `first` in attempt 1, which fails, and `second` in attempt 2.
fn two_attempts(first: &str, second: &str) -> TestRun {
    let test = TestRun::with_file(
        "orch: 1\nname: trip\nworker: {command: [sh, say.sh]}\nretry: {backoff: 1ms}\n\
         variants: {a: {}}\nseeds: [0]\nreport: {table: {name: t, columns: [{metric: acc}]}}\n",
    );
    let script = format!(
        "if [ $ORCH_ATTEMPT = 1 ]; then\n  printf '%s' '{first}' >> $ORCH_EVENTS; exit 1\nfi\n\
         printf '%s' '{second}' >> $ORCH_EVENTS\n"
    );
    std::fs::write(test.path("say.sh"), script).unwrap();
    test
}

#[test]
fn the_result_of_a_failed_attempt_is_not_that_of_the_trial() {
    let result = "{\"event\":\"result\",\"values\":{\"acc\":0.5}}\n";
    let test = two_attempts(result, "");
    test.orch("run trip.yaml").expect(3, &["1 of 1 trials done", "reported no result"]);
    assert!(test.recorded().results.is_empty());
    assert!(!test.orch("report --allow-partial").stdout.contains("0.5"));
}

#[test]
fn a_last_line_without_a_line_feed_is_an_event() {
    let result = |acc: f64| format!("{{\"event\":\"result\",\"values\":{{\"acc\":{acc}}}}}");
    let test = two_attempts(&result(0.5), &result(0.75));
    test.orch("run trip.yaml").expect(0, &["1 of 1 trials done"]);
    assert_eq!(test.recorded().results["a-s0"]["acc"].to_bits(), 0.75f64.to_bits());
    // Neither is one that was cut off lost unnoticed.
    let test = two_attempts("", "{\"event\":\"resu");
    test.orch("run trip.yaml").expect(3, &["skipped a line that is not an event"]);
}

/// A run whose worker's program is open for writing, as while it is linked again.
fn with_a_busy_program(backoff: &str) -> (TestRun, File) {
    let test = TestRun::with(&[
        ("command: [fake-worker]", "command: [./busy-worker]"),
        ("backoff: 1ms", &format!("backoff: {backoff}")),
        ("sleep_ms: 20", "sleep_ms: 0"),
    ]);
    fs::copy(env!("CARGO_BIN_EXE_fake-worker"), test.path("busy-worker")).unwrap();
    let writer = File::options().append(true).open(test.path("busy-worker")).unwrap();
    (test, writer)
}

#[test]
fn a_worker_that_cannot_be_started_for_the_moment_is_started_later() {
    let (test, writer) = with_a_busy_program("1s");
    let run = test.start("run trip.yaml");
    wait_for("failures of both", || {
        let journal = fs::read_to_string(test.run_dir().join("journal.jsonl")).ok()?;
        (journal.matches("Text file busy").count() >= 2).then_some(())
    });
    drop(writer);
    run.end().expect(0, &["Text file busy (os error 26); will go on", "2 of 2 trials done"]);
    // Not its fault: it has all of its attempts left.
    // A busy machine may see the holder at work before it has failed to start the program.
    let history = test.state_history("a-s0-");
    let without_running: Vec<_> = history.iter().filter(|state| *state != "running").collect();
    assert_eq!(without_running[..3], ["starting", "queued", "starting"]);
    assert_eq!(history.last().unwrap(), "succeeded");
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_worker_that_can_never_be_started_fails_in_the_end() {
    let (test, _writer) = with_a_busy_program("1ms");
    let limit = "interrupted 5 times without a new checkpoint; last: cannot start `";
    test.orch("run trip.yaml").expect(1, &[limit, "Text file busy (os error 26)", "0 of 2"]);
    assert_eq!(test.attempts("a-s0-"), 5);
}
