//! The verbs about one trial (`show`, `logs`, `why`, `diff`), and how it is selected.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use serde_json::json;

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// Asserts that a page equals its snapshot, with everything redacted that differs from run to run.
fn assert_page(name: &str, test: &TestRun, page: &str) {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let folder = test.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let page = page.replace(folder, "/lab").replace(host.trim(), "HOST");
    let filters = vec![
        (r"-[0-9a-f]{8}\b", "-HASH"),
        (r"\d{4}-\d\d-\d\dT[\d:]+Z +(\d+m )?\d+s ", "TIME  TOOK "),
        (r"/\S*/fake-worker", "/bin/fake-worker"),
        (r"(?m)^  took .*$", "  took TOOK"),
        (r"  (orch|kernel|CPU|environment)  .*", "  $1  HERE"),
        (r"sha256 [0-9a-f]{12}\b", "sha256 SHA"),
        // Some systems do not report it.
        (r"  CPU  .*\n", ""),
        (r"  +", "  "),
    ];
    insta::with_settings!({filters => filters}, { insta::assert_snapshot!(name, page); });
}

#[test]
fn show_has_everything_about_a_trial() {
    let test = TestRun::with(&[("sleep_ms: 20", "crash_at: 7, crash_attempts: 1")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let shown = test.orch("show variant=b");
    shown.expect(0, &[]);
    assert_page("show", &test, &shown.stdout);

    let json = test.json("show b-s0 --json");
    assert_eq!(json["status"]["state"], "succeeded");
    assert_eq!(json["config"]["offset"], 1.0);
    assert_eq!(json["attempts"][0]["end"], "signal 6");
    assert_eq!(json["attempts"][1]["resumed_from"], 5);
    let psnr = &test.recorded().results["b-s0"]["psnr"];
    assert_eq!(json["results"]["psnr"].as_f64(), Some(*psnr));
    for (what, path) in json["files"].as_object().unwrap() {
        assert!(test.path(path.as_str().unwrap()).exists(), "{what}");
    }
}

#[test]
fn the_commands_to_run_manually_do_the_same_and_change_no_record() {
    let test =
        TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0"), ("label: First", "label: 'A: one'")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let events = test.attempt("a-s0-", 1).unwrap().events();
    let before = fs::read(&events).unwrap();
    let parsed = |bytes: &[u8]| {
        let lines = std::str::from_utf8(bytes).unwrap().lines();
        let events =
            lines.map(|line| experiments::protocol::events::Line::parse(line).unwrap().event);
        events.collect::<Vec<_>>()
    };
    assert_eq!(parsed(&run_manually(&test, "show a-s0 --json")), parsed(&before));
    assert_eq!(fs::read(&events).unwrap(), before);
    // And from wherever the folder is by then.
    fs::rename(test.path("runs"), test.path("archive")).unwrap();
    assert_eq!(parsed(&run_manually(&test, "show a-s0 --json --runs archive")), parsed(&before));
}

/// Runs the commands that `orch show` prints, from the beginning: without the line that copies the
/// checkpoints. Returns the events.
fn run_manually(test: &TestRun, show: &str) -> Vec<u8> {
    let shown = test.json(show);
    let lines: Vec<_> = shown["rerun"].as_array().unwrap().iter().collect();
    let script = format!("{}\n{}", lines[0].as_str().unwrap(), lines[2].as_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let shell = Command::new("sh").args(["-ec", &script]).env("TMPDIR", folder.path()).status();
    assert!(shell.unwrap().success());
    let again = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::read(again.join("events.jsonl")).unwrap()
}

#[test]
fn a_trial_that_never_ran_has_a_config_and_no_files() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -q --only a").expect(0, &[]);
    let shown = test.json("show b --json");
    assert_eq!(shown["config"]["steps"], 20);
    assert_eq!((&shown["attempts"], &shown["files"]), (&json!([]), &json!({})));
    // And one that the file no longer names keeps its own.
    test.edit(&[("steps: 20", "steps: 5")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    assert_eq!(test.json("show state=retired,variant=a --json")["config"]["steps"], 20);
    assert_eq!(test.json("show a --json")["config"]["steps"], 5);
}

#[test]
fn a_selector_that_matches_none_or_several_lists_the_trials() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0"), ("seeds: [0]", "seeds: [0, 1]")]);
    test.orch("show a").expect(2, &["nothing has been run in `runs` yet"]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.orch("show variant=a").expect(2, &["`variant=a` matches 2 trials of `trip`", "  a-s1-"]);
    test.orch("show seed=1,state=succeeded").expect(2, &["matches 2 trials", "  b-s1-"]);
    test.orch("show state=failed")
        .expect(2, &["no trial of `trip` matches `state=failed`", "  b-s0-"]);
    test.orch("show c-s0").expect(2, &["no trial of `trip` matches `c-s0`", "succeeded"]);
    test.orch("show seed=one").expect(2, &["`one` is not a seed"]);
    test.orch("show state=done").expect(2, &["there is no state `done`", "`succeeded`"]);
    test.orch("show size=3").expect(2, &["trials have no `size`"]);
    test.orch("show a trap").expect(2, &["there is no run `trap`"]);
    assert_eq!(test.json("show variant=a,seed=1 trip --json")["seed"], 1);
}

/// A worker that prints, and waits in between for the file `go`; it needs two attempts, and reports
/// nothing.
const TALKER: [(&str, &str); 2] = [
    (
        "command: [fake-worker], check: [fake-worker, check]",
        r#"command: [sh, -c, "echo out $ORCH_ATTEMPT; echo err $ORCH_ATTEMPT >&2;
          until [ -e go ]; do sleep 0.01; done; echo end; exit $((2 - ORCH_ATTEMPT))"]"#,
    ),
    ("  b: {label: Second, set: {offset: 1}}\n", ""),
];

/// Follows the logs of the trial; lets its worker continue once its first line has been read. Returns
/// standard output and standard error.
fn follow(test: &TestRun) -> (String, String) {
    let mut follower = test.command("logs a -f").spawn().unwrap();
    let mut printed = BufReader::new(follower.stdout.take().unwrap());
    let mut text = String::new();
    printed.read_line(&mut text).unwrap();
    fs::write(test.path("go"), "").unwrap();
    printed.read_to_string(&mut text).unwrap();
    let ended = follower.wait_with_output().unwrap();
    assert!(ended.status.success());
    (text, String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn logs_are_those_of_the_last_attempt_or_of_the_one_asked_for() {
    let test = TestRun::with(&TALKER);
    fs::write(test.path("go"), "").unwrap();
    test.orch("run trip.yaml -q").expect(3, &["and reported no result: a-s0-"]);
    let both = test.orch("logs a");
    assert_eq!(both.stdout, "out 2\nend\nerr 2\n");
    both.expect(0, &["attempt-2/stdout.log <==\n", "attempt-2/stderr.log <==\n"]);
    assert_eq!(test.orch("logs a --stderr").stdout, "err 2\n");
    let first = test.orch("logs a --stdout --attempt 1");
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), ("out 1\nend\n", ""));
    // Following a trial that is done does not wait.
    assert_eq!(test.orch("logs a -f --stdout").stdout, "out 2\nend\n");
    assert_eq!(test.orch("logs a --tail 1").stdout, "end\nerr 2\n");
    assert_eq!(test.orch("logs a --stdout --tail 0 -f").stdout, "");
}

#[test]
fn followed_logs_continue_with_the_next_attempt_until_the_trial_is_done() {
    let test = TestRun::with(&TALKER);
    let run = test.start("run trip.yaml -q");
    test.wait_for_state("a-s0-", "running");
    let (printed, stderr) = follow(&test);
    run.end().expect(3, &["and reported no result: a-s0-"]);
    assert!(stderr.ends_with(" succeeded\n"), "{stderr}");
    for (line, times) in [("out 1", 1), ("err 1", 1), ("out 2", 1), ("err 2", 1), ("end", 2)] {
        assert_eq!(printed.lines().filter(|l| *l == line).count(), times, "{line}: {printed}");
    }
}

#[test]
fn followed_logs_end_without_a_supervisor() {
    let test = TestRun::with(&TALKER);
    let run = test.start("run trip.yaml -q");
    test.wait_for_state("a-s0-", "running");
    run.kill();
    // The worker continues, and so does its follower.
    let (printed, stderr) = follow(&test);
    assert!(stderr.ends_with("ended: `orch run` records it\n"), "{stderr}");
    assert_eq!(printed.lines().filter(|l| *l == "end").count(), 1, "{printed}");
}

#[test]
fn missing_logs_are_an_error() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -q --only a").expect(0, &[]);
    test.orch("logs a").expect(0, &["nothing was printed"]);
    test.orch("logs b").expect(2, &["has no logs: no attempt has been started"]);
    test.orch("logs b -f").expect(2, &["has no logs: no attempt has been started"]);
    test.orch("logs a --attempt 2").expect(2, &["has no attempt 2; its last one is attempt 1"]);
    assert!(!test.attempt("a-s0-", 1).unwrap().stderr().exists());
    // A log that is gone and was not empty.
    test.edit(&[("sleep_ms: 0", "sleep_ms: 0, garbage: true")]);
    test.orch("run trip.yaml -q --only b").expect(0, &[]);
    fs::remove_file(test.attempt("b-s0-", 1).unwrap().stderr()).unwrap();
    test.orch("logs b").expect(2, &["there is no `runs/trip/trials/b-s0-", "stderr.log`"]);
}

#[test]
fn why_gives_the_reason_and_advice() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {garbage: true, exit: 3}"),
        ("attempts: 3", "attempts: 1"),
    ]);
    test.orch("run trip.yaml -q --only a").expect(1, &[]);
    let failed = test.orch("why variant=a");
    failed.expect(0, &[]);
    assert_page("why", &test, &failed.stdout);
    let waiting = test.orch("why variant=b").stdout;
    assert!(waiting.contains(" is queued: left out by `--only`.\nThe last `orch run` was limi"));
    assert!(test.orch("status").stdout.contains("left out by `--only`"));
    assert_eq!(test.orch("why").stdout, failed.stdout + "\n" + &waiting);
    test.orch("run trip.yaml -q --only b").expect(0, &[]);
    assert_eq!(
        test.orch("why state=queued").stdout,
        "No trial of `trip` matches `state=queued`.\n"
    );
    test.orch("logs state=queued").expect(0, &["no trial of `trip` matches `state=queued`"]);
    let done = test.orch("why variant=b").stdout;
    assert!(done.contains(" succeeded.\nIt is done; `orch show b-s0-"), "{done}");
}

#[test]
fn why_distinguishes_trials_with_and_without_a_supervisor() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 2")]);
    let run = test.start("run trip.yaml -q -j 1");
    test.wait_for_state("a-s0-", "running");
    let assert_why = |trial: &str, words: &str| {
        let why = test.orch(&format!("why variant={trial}")).stdout;
        assert!(why.contains(words), "{why}");
    };
    assert_why("a", "Nothing to do; `orch logs a-s0-");
    assert_why("b", "the running supervisor starts it in turn");
    run.kill();
    assert_why("a", "No supervisor is running; run the file again");
    assert_why("b", "Run the file with `orch run` to start it");
}

#[test]
fn reasons_to_wait_are_not_shown_once_no_supervisor_is_running() {
    let test = TestRun::new();
    let run = test.start("run trip.yaml -q --resources disk=1EiB");
    wait_for("a reason to wait", || {
        test.orch("status").stdout.contains("waits for room on the disk").then_some(())
    });
    run.kill();
    let status = test.orch("status").stdout;
    assert!(!status.contains("waits for"), "{status}");
    let rows = status.lines().filter(|line| line.ends_with("  no supervisor is running"));
    assert_eq!(rows.count(), 2, "{status}");
    for verb in ["show a", "why a"] {
        let page = test.orch(verb).stdout;
        assert!(page.contains("no supervisor is running") && !page.contains("waits"), "{page}");
    }
}

#[test]
fn two_trials_are_compared_by_what_differs() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    assert_page("diff", &test, &test.orch("diff variant=a variant=b").stdout);
    let json = test.json("diff a b --json");
    assert_eq!(json["config"], json!({"offset": ["0.0", "1.0"]}));
    assert_eq!(json["provenance"]["build"], json!(["fake-1", "fake-1"]));
    assert_eq!(json["environment"], json!({}));

    // And across runs.
    test.edit(&[("name: trip", "name: trap"), ("steps: 20", "steps: 10")]);
    test.command("run trip.yaml -q").env("PYTHONHASHSEED", "1").status().unwrap();
    let across = test.json("diff a a trip trap --json");
    assert_eq!(across["trials"][1]["run"], "trap");
    assert_eq!(across["config"], json!({"steps": ["20", "10"]}));
    assert_eq!(across["environment"], json!({"PYTHONHASHSEED": [null, "1"]}));
    test.orch("diff a c").expect(2, &["no trial of `trap` matches `c`"]);
}

#[test]
fn of_long_values_only_what_differs_is_shown() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    let words: Vec<_> = (0..200).map(|n| format!("--option-{n} value-{n}")).collect();
    let command = format!(
        "[fake-worker, --lr, '{{offset}}', {}, --long, '{{offset}}{}']",
        words.join(" ").replace(' ', ", "),
        "y".repeat(500)
    );
    test.edit(&[("command: [fake-worker]", &format!("command: {command}"))]);
    // It accepts no argument.
    test.orch("run trip.yaml -q").expect(1, &[]);
    let page = test.orch("diff variant=a variant=b").stdout;
    let longest = page.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest <= 160, "{longest}:\n{page}");
    let command = page.lines().find(|line| line.starts_with("  command")).unwrap();
    assert!(
        command.contains("  … 0.0 … 0.0yyy") && command.contains("…  … 1.0 … 1.0yyy"),
        "{page}"
    );
    let json = test.json("diff a b --json");
    assert!(json["provenance"]["command"][0].as_str().unwrap().contains("value-199 --long 0.0yyy"));
}
