//! Metrics in the files of scripts: JSON lines, CSV, TensorBoard; and everything that can be wrong with
//! them, which is said and ends no trial.

use std::fs;

use experiments::protocol::events::Event;

use super::unchanged_scripts::with_script;
use crate::common::test_run::TestRun;

const FILE: &str = "\
orch: 1
name: trip
worker:
  command: [python3, '{file.dir}/files.py']
  directory: '{attempt.dir}'
  metrics:
    - {json: metrics.jsonl, step: iter}
    - csv: log.csv
    - {tensorboard: logs/train, prefix: train/}
    - {tensorboard: logs/validation, prefix: val/}
variants: {a: {}, b: {set: {x: 1}}}
seeds: [0]
report:
  figures: [{curve: {name: loss, metric: train/loss}}]
";

/// Prints the first column of a query, in plain Python.
const PRINT: &str = "\
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print(row[0])
";

/// The points of a metric in the database, `step value` a line; NaN is null.
fn points(test: &TestRun, metric: &str) -> Vec<String> {
    let sql = format!(
        "select step || ' ' || coalesce(value, 'null') from series \
         where variant = 'a' and metric = '{metric}' order by step"
    );
    let database = test.run_dir().join("orch.db");
    let output = std::process::Command::new("python3")
        .args(["-c", PRINT])
        .arg(database)
        .arg(sql)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn files_of_every_kind_become_curves() {
    let test = with_script(FILE, "files.py");
    let ended = test.orch("run trip.yaml");
    ended.expect(0, &["2 of 2 trials done", "skipped a line", "not a JSON object", "`{not json`"]);
    assert_eq!(points(&test, "eval.f1"), ["0 0.0", "1 null", "2 1.0"]);
    assert_eq!(points(&test, "val_acc"), ["0 0.0", "2 0.2", "4 0.25"]);
    assert_eq!(points(&test, "train/loss"), ["0 1.0", "1 0.5", "2 0.25", "3 0.125", "4 0.0625"]);
    assert_eq!(points(&test, "val/loss")[4], "4 1.0625");
    assert!(points(&test, "loss").is_empty());
    let results = &test.recorded().results["a-s0"];
    assert_eq!((results["val_acc"], results["val/loss"]), (0.25, 1.0625));
    // A point of an event file has the time that its writer gave it.
    let events = fs::read_to_string(test.attempt("a-s0-", 1).unwrap().events()).unwrap();
    assert!(events.contains("\"time\":1700000004.0"), "{events}");
}

#[test]
fn one_tag_in_two_folders_is_not_mixed() {
    let test = with_script(FILE, "files.py");
    test.edit(&[
        ("    - {tensorboard: logs/train, prefix: train/}\n", ""),
        ("{tensorboard: logs/validation, prefix: val/}", "tensorboard: logs"),
        ("metric: train/loss", "metric: loss"),
    ]);
    test.orch("run trip.yaml").expect(0, &["skipped 2 lines"]);
    let shown = test.orch("show a").stdout;
    assert!(shown.contains("the tag `loss` of"), "{shown}");
    assert_eq!(points(&test, "loss").len(), 5);
}

/// A shell script that is given as the whole worker, with sources.
fn shell(script: &str, metrics: &str) -> TestRun {
    let test = TestRun::with_file(&format!(
        "\
orch: 1
name: trip
worker:
  command: [sh, work.sh]
  metrics: {metrics}
retry: {{backoff: 1ms}}
variants: {{a: {{}}}}
seeds: [0]
"
    ));
    fs::write(test.path("work.sh"), script).unwrap();
    test
}

#[test]
fn only_what_the_attempt_wrote_counts() {
    let test = shell("echo 2,0.5 >> log.csv", "[{csv: log.csv}]");
    fs::write(test.path("log.csv"), "step,loss\n1,9\n").unwrap();
    test.orch("run trip.yaml").expect(0, &[]);
    assert_eq!(points(&test, "loss"), ["2 0.5"]);

    // It is written anew.
    let test =
        shell("printf 'step,loss\\n1,0.5\\n2,0.25\\n3,0.125\\n' > log.csv", "[{csv: log.csv}]");
    fs::write(test.path("log.csv"), "step,loss\n1,9\n").unwrap();
    test.orch("run trip.yaml").expect(0, &[]);
    assert_eq!(points(&test, "loss"), ["1 0.5", "2 0.25", "3 0.125"]);
}

#[test]
fn sources_without_values_are_named() {
    let test = shell(
        "echo hello; mkdir here; echo x > nowhre.jsonl; exit 0",
        "[{stdout: 'loss=(?<loss>.*)'}, {json: nowhere.jsonl}, {csv: here}, {tensorboard: logs}]",
    );
    let ended = test.orch("run trip.yaml");
    assert!(ended.stderr.contains("skipped 4 lines"), "{}", ended.stderr);
    let shown = test.orch("show a").stdout;
    for words in [
        "no line of standard output matches `loss=(?<loss>.*)`",
        "nowhere.jsonl`; did you mean `nowhre.jsonl`?",
        "here`: it is a folder, not a regular file",
        "wrote no event file with scalars in `",
    ] {
        assert!(shown.contains(words), "no `{words}` in {shown}");
    }
}

#[test]
fn a_pipe_or_a_line_without_an_end_does_not_hold_up_the_trial() {
    let test = shell(
        "mkfifo pipe; head -c 3000000 /dev/zero; echo; echo loss=1; echo loss=x; echo 'loss=2\\c'",
        "[{json: pipe}, {stdout: 'loss=(?<loss>.*)'}]",
    );
    test.orch("run trip.yaml").expect(0, &["skipped 3 lines"]);
    // Without a step the values are counted.
    assert_eq!(points(&test, "loss"), ["1 1.0", "2 2.0"]);
}

#[test]
fn a_worker_that_reports_itself_is_left_alone() {
    let test = shell(
        r#"echo '{"event":"hello","protocol":1,"program":"own"}' >> "$ORCH_EVENTS"
echo '{"event":"result","values":{"loss":7}}' >> "$ORCH_EVENTS"
echo loss=1"#,
        "[{stdout: 'loss=(?<loss>.*)'}]",
    );
    test.orch("run trip.yaml").expect(0, &[]);
    assert_eq!(test.recorded().results["a-s0"].get("loss"), Some(&7.0));
    let hellos = test.events("a-s0-", 1).into_iter().filter_map(|event| match event {
        Event::Hello { program, .. } => Some(program),
        _ => None,
    });
    assert_eq!(hellos.collect::<Vec<_>>(), ["own"]);
}

#[test]
fn a_failed_trial_has_no_result() {
    let test = shell("echo loss=1; exit 3", "[{stdout: 'loss=(?<loss>.*)'}]");
    test.orch("run trip.yaml").expect(1, &[]);
    assert!(test.recorded().results.is_empty());
    assert_eq!(test.attempts("a-s0-"), 2, "twice at the same step");
}

#[test]
fn a_pattern_that_matches_nothing_is_named_while_other_trials_wait() {
    let test = shell("sleep 0.5; echo hello", "[{stdout: 'loss=(?<loss>.*)'}]");
    test.edit(&[("seeds: [0]", "seeds: [0, 1, 2, 3]")]);
    let ended = test.orch("run trip.yaml -j 1");
    let at = |words: &str| ended.stderr.find(words).expect(&ended.stderr);
    assert!(at("warning: a-s0-") < at("a-s3-"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no line of standard output matches"), "{}", ended.stderr);
}
