//! Workers that write malformed or malicious events: the run continues, and they are reported.

use std::fs;

use crate::common::test_run::TestRun;

/// One variant, whose worker is a script in the test's folder.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config: {}
variants: {a: {label: First}}
seeds: [0]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 1}]}
  figures: [{images: {name: sheet, artifact: sample}}]
";

/// The result that every worker here reports last.
const RESULT: &str = r#"echo '{"event":"result","values":{"psnr":20.5}}' >> "$ORCH_EVENTS""#;

fn with_worker(script: &str) -> TestRun {
    let test = TestRun::with_file(FILE);
    fs::write(test.path("worker.sh"), format!("{script}\n{RESULT}\n")).unwrap();
    test
}

#[test]
fn malformed_events_are_counted_and_shown_with_their_reasons() {
    // The first line is `orch`'s own: the interpreter of the worker.
    let test = with_worker(
        r#"printf 'Epoch 1/10\n\n\377\376\000\n{"event":"sneeze"}\n' >> "$ORCH_EVENTS"
        echo '{"event":"metrics","step":1,"values":{"m":1e999}}' >> "$ORCH_EVENTS"
        echo '{"event":"checkpoint","step":1,"path":"/etc/passwd"}' >> "$ORCH_EVENTS"
        echo '{"event":"checkpoint","step":1,"path":"../x"}' >> "$ORCH_EVENTS""#,
    );
    let words = "attempt 1: skipped 6 lines that are not events, the first at \
                 line 2: not an event: expected value at column 1";
    test.orch("run trip.yaml").expect(0, &[words, "1 of 1 trials done"]);
    let status = test.orch("status").stdout;
    assert!(status.contains(words), "{status}");
    let show = test.orch("show a").stdout;
    for words in [
        "line 2  not an event: expected value at column 1",
        "line 5  unknown event `sneeze`",
        "line 6  not an event: number out of range at column",
        "line 7  path \"/etc/passwd\" is not relative to the trial's folder and below it",
        "and 1 more",
    ] {
        assert!(show.contains(words), "no `{words}` in {show}");
    }
    assert_eq!(test.orch("show a --json").json()["skipped_lines"][0]["lines"], 6);
    assert!(test.orch("report").stdout.contains("20.5"));
}

#[test]
fn a_value_that_is_not_a_number_costs_only_itself() {
    let test = with_worker(
        r#"echo '{"event":"metrics","step":1,"values":{"loss":NaN,"psnr":"high","lr":-Infinity}}' >> "$ORCH_EVENTS"
        echo '{"event":"metric","step":2,"values":{}}' >> "$ORCH_EVENTS""#,
    );
    let words = "attempt 1: skipped a line that is not an event and values that are not numbers in 1 \
                 line, the first at line 2: the value of `psnr` is not a number: \"high\"";
    test.orch("run trip.yaml").expect(0, &[words]);
    let show = test.orch("show a").stdout;
    assert!(show.contains("line 3  unknown event `metric`; did you mean `metrics`?"), "{show}");
    let points = test.shell(&format!(
        "exec {} query \"select metric, value from series order by metric\" -f csv",
        env!("CARGO_BIN_EXE_orch")
    ));
    assert_eq!(points.stdout, "metric,value\nloss,\nlr,-inf\n");
}

#[test]
fn an_endless_line_is_not_held_in_memory() {
    // A sparse file of zeros without a line feed, larger than the memory that `orch` may use.
    let test = with_worker(
        r#"truncate -s 1G "$ORCH_EVENTS"
        printf '\n' >> "$ORCH_EVENTS"
        head -c 20000000 /dev/urandom >> "$ORCH_EVENTS"
        printf '\n' >> "$ORCH_EVENTS""#,
    );
    let orch = env!("CARGO_BIN_EXE_orch");
    let limited = test.shell(&format!("ulimit -v 700000; exec {orch} run trip.yaml"));
    limited.expect(0, &["the first at line 2: longer than 1048576 bytes", "1 of 1 trials done"]);
}

#[test]
fn control_characters_of_a_worker_never_reach_the_terminal() {
    let test = with_worker(
        r#"e='\u001b[2J\u001b]0;title\u0007\u009b1A'
        printf '{"event":"hello","protocol":1,"program":"%s","device":"%s"}\n' "$e" "$e" >> "$ORCH_EVENTS"
        printf '{"event":"progress","phase":"%s","step":1,"of":2}\n' "$e" >> "$ORCH_EVENTS"
        printf '{"event":"failed","class":"data","message":"a\\n%s"}\n' "$e" >> "$ORCH_EVENTS"
        printf '\033[2J\302\2331A\033]0;title\007' >&2
        exit 3"#,
    );
    let run = test.orch("run trip.yaml");
    run.expect(1, &[r"\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}1A"]);
    let mut output = run.stderr;
    for verb in ["status", "status --json", "show a", "show a --json", "why a"] {
        let ended = test.orch(verb);
        output += &(ended.stdout + &ended.stderr);
    }
    let raw = output.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(raw, None, "{output:?}");
}

#[test]
fn a_link_that_leads_out_of_the_trial_s_folder_is_not_followed() {
    let test = with_worker(
        r#"ln -s ../../../../../secret.png "$ORCH_ARTIFACTS/sample.png"
        ln -s / "$ORCH_CHECKPOINTS/out"
        echo '{"event":"artifact","kind":"image","name":"sample","path":"artifacts/sample.png"}' >> "$ORCH_EVENTS"
        echo '{"event":"checkpoint","step":1,"path":"checkpoints/out/etc/passwd"}' >> "$ORCH_EVENTS""#,
    );
    fs::write(test.path("secret.png"), "secret").unwrap();
    test.orch("run trip.yaml").expect(0, &[]);
    let link = test.trial("a-s0-").unwrap().join("artifacts/sample.png");
    assert_eq!(fs::read_to_string(link).unwrap(), "secret", "it does lead there");
    let report = test.orch("report");
    report.expect(0, &["`artifacts/sample.png`", "leads out of"]);
    let show = test.orch("show a").stdout;
    assert!(!show.contains("etc/passwd"), "{show}");
}
