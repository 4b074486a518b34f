//! Pipes, folders, devices and endless files where a file of a run is expected: nothing waits for them,
//! nothing holds them in memory, and they are named.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::test_run::{Ended, TestRun};
use crate::common::wait::wait_for;

/// The worker is a script in the test's folder.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [sh, worker.sh]}
retry: {attempts: 1}
config: {n: 0}
variants:
  pipe: {set: {n: 1}}
  folder: {set: {n: 2}}
  device: {set: {n: 3}}
  endless: {set: {n: 4}}
  fine: {set: {n: 5}}
seeds: [0]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 1}]}
  figures: [{images: {name: sheet, artifact: sample}}]
";

/// Puts what the variant is called in the place of the file `$1`.
const REPLACE: &str = r#"replace() {
    [ $ORCH_VARIANT = fine ] || rm -f "$1"
    case $ORCH_VARIANT in
        pipe) mkfifo "$1";;
        folder) mkdir "$1";;
        device) ln -s /dev/zero "$1";;
        endless) truncate -s 1G "$1";;
    esac
}
"#;

const RESULT: &str = r#"result='{"event":"result","values":{"psnr":20.5}}'
sample='{"event":"artifact","kind":"image","name":"sample","path":"artifacts/sample.png"}'
"#;

fn with_worker(script: &str) -> TestRun {
    let test = TestRun::with_file(FILE);
    fs::write(test.path("worker.sh"), format!("{REPLACE}{RESULT}{script}")).unwrap();
    test
}

/// Runs `orch` with too little memory for an endless file; one that waits for ever is ended.
fn orch(test: &TestRun, arguments: &str) -> Ended {
    let orch = env!("CARGO_BIN_EXE_orch");
    test.shell(&format!("ulimit -v 700000; exec timeout 120 {orch} {arguments}"))
}

fn mkfifo(path: std::path::PathBuf) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn nothing_waits_for_the_events_of_a_worker() {
    let test = with_worker(
        r#"[ $ORCH_VARIANT = fine ] || replace "$ORCH_EVENTS"
        [ $ORCH_VARIANT != fine ] || echo "$result" >> "$ORCH_EVENTS""#,
    );
    let words = [
        "events.jsonl`: it is a named pipe, not a regular file",
        "events.jsonl`: it is a folder, not a regular file",
        "events.jsonl`: it is a device, not a regular file",
    ];
    let run = orch(&test, "run trip.yaml");
    run.expect(5, &words);
    run.expect(5, &["5 of 5 trials done", "reported no result", "are damaged"]);
    // Neither does a database that is made anew.
    fs::remove_file(test.run_dir().join("orch.db")).unwrap();
    let status = orch(&test, "status").stdout;
    for words in words {
        assert!(status.contains(words), "no `{words}` in {status}");
    }
    for verb in ["show variant=pipe", "why variant=folder", "export --format csv --out points.csv"]
    {
        orch(&test, verb).expect(5, &["are damaged"]);
    }
}

#[test]
fn nothing_waits_for_the_logs_and_images_of_a_worker() {
    let test = with_worker(
        r#"replace "$(dirname "$ORCH_EVENTS")/stdout.log"
        replace "$(dirname "$ORCH_EVENTS")/stderr.log"
        replace "$ORCH_ARTIFACTS/sample.png"
        [ $ORCH_VARIANT != fine ] || exit 1
        echo "$sample" >> "$ORCH_EVENTS"
        exit 1"#,
    );
    let run = orch(&test, "run trip.yaml --keep-going");
    run.expect(1, &["0 of 5 trials done, 5 failed"]);
    for (variant, what) in
        [("pipe", "a named pipe"), ("folder", "a folder"), ("device", "a device")]
    {
        let words = format!("stdout.log`: it is {what}, not a regular file");
        orch(&test, &format!("logs variant={variant}")).expect(1, &[&words]);
    }
    let report = orch(&test, "report");
    for words in [
        "sample.png`: it is a named pipe, not a regular file",
        "sample.png`: it is a folder, not a regular file",
        // A link to a device.
        "`artifacts/sample.png` leads out of `",
        "sample.png`: it is larger than 128 MiB",
    ] {
        assert!(report.stderr.contains(words), "no `{words}` in {}", report.stderr);
    }
}

#[test]
fn an_image_that_is_small_only_as_a_file_is_not_decoded() {
    let test = with_worker(
        r#"[ $ORCH_VARIANT = fine ] || exit 0
        printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\002\0\0\0\002\0\0\010\006\0\0\0\225\225\345\360' \
            > "$ORCH_ARTIFACTS/sample.png"
        echo "$sample" >> "$ORCH_EVENTS"
        echo "$result" >> "$ORCH_EVENTS""#,
    );
    orch(&test, "run trip.yaml").expect(3, &["5 of 5 trials done"]);
    let report = orch(&test, "report");
    let words = "sample.png` has 131072×131072 pixels";
    assert!(report.stderr.contains(words), "no `{words}` in {}", report.stderr);
}

#[test]
fn what_is_no_request_does_not_disturb_a_run() {
    let test = with_worker(
        "while [ ! -e gate ]; do sleep 0.05; done; echo \"$result\" >> \"$ORCH_EVENTS\"",
    );
    let run = test.start("run trip.yaml");
    wait_for("the first trial", || test.attempt("pipe-s0-", 1).filter(|a| a.path().exists()));
    let requests = test.run_dir().join("requests");
    fs::create_dir_all(requests.join("0.json")).unwrap();
    fs::write(requests.join("0.json/file"), "").unwrap();
    mkfifo(requests.join("1.json"));
    symlink("/dev/zero", requests.join("2.json")).unwrap();
    fs::File::create(requests.join("3.json")).unwrap().set_len(1 << 30).unwrap();
    let left = || fs::read_dir(&requests).unwrap().count();
    wait_for("the end of the requests", || (left() == 1).then_some(()));
    fs::write(test.path("gate"), "").unwrap();
    let words = [
        "1.json`: it is a named pipe, not a regular file",
        "2.json`: it is a device, not a regular file",
        "3.json`: it is larger than 64 MiB",
        "5 of 5 trials done",
    ];
    run.end().expect(0, &words);
    // Nor the next one, which discards what is older.
    mkfifo(requests.join("1.json"));
    test.orch("run trip.yaml").expect(0, &["1.json`, which is older than this run", "5 done"]);
}

#[test]
fn what_is_no_event_file_is_not_imported() {
    let test = TestRun::new();
    for name in ["pipes", "folders"] {
        fs::create_dir(test.path(name)).unwrap();
    }
    mkfifo(test.path("pipes/a.tfevents"));
    let words = ["cannot read `", "pipes/a.tfevents`: it is a named pipe, not a regular file"];
    test.orch("import tensorboard pipes").expect(2, &words);
    symlink("/dev/zero", test.path("folders/a.tfevents")).unwrap();
    let words = ["folders/a.tfevents`: it is a device, not a regular file"];
    test.orch("import tensorboard folders").expect(2, &words);
}

#[test]
fn what_is_no_experiment_is_not_run() {
    let test = TestRun::new();
    fs::create_dir(test.path("folder")).unwrap();
    mkfifo(test.path("pipe"));
    fs::File::create(test.path("endless")).unwrap().set_len(1 << 30).unwrap();
    for (file, words) in [
        ("/dev/zero", "/dev/zero: it is a device, not a regular file"),
        ("folder", "folder: it is a folder, not a regular file"),
        ("pipe", "pipe: it is a named pipe, not a regular file"),
        ("endless", "endless: it is larger than 4 MiB"),
    ] {
        orch(&test, &format!("run {file}")).expect(2, &[words]);
    }
}
