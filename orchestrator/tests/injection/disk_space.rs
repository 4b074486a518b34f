//! A disk with too little space, and a full one.

use std::fs;

use super::disk::Disk;
use super::namespace;
use crate::common::test_run::{Recorded, TestRun};
use crate::common::wait::wait_for;

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check], grace: 30s}
retry: {attempts: 1, backoff: 1ms}
resources: {disk: 32MiB}
config: {steps: 20, sleep_ms: 20, checkpoint_every: 5}
variants: {a: {}, b: {set: {offset: 1}}}
seeds: [0]
";

#[test]
fn below_the_floor_nothing_is_started_until_there_is_space() {
    on_a_small_disk(
        "injection::disk_space::below_the_floor_nothing_is_started_until_there_is_space",
        below_the_floor,
    );
}

#[test]
fn a_full_disk_fails_no_trial() {
    on_a_small_disk("injection::disk_space::a_full_disk_fails_no_trial", full);
}

/// Runs `body`, that of the test of this full name, with its runs on a small disk; skips it where none
/// can be mounted.
#[expect(clippy::print_stdout, reason = "a skipped test must be seen")]
fn on_a_small_disk(name: &str, body: fn(&TestRun, &Disk)) {
    if namespace::is_inside() {
        let test = TestRun::with_file("");
        let disk = Disk::mount(&test).expect("in a namespace of its own it may mount");
        body(&test, &disk);
        return;
    }
    match namespace::run(name) {
        Some(status) => assert!(status.success()),
        None => println!("{name}: skipped, since no file system may be mounted here"),
    }
}

fn reference_records() -> Recorded {
    let test = TestRun::with_file(FILE);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test.recorded()
}

/// Below the floor nothing is started, which is reported once; with enough space the run continues.
fn below_the_floor(test: &TestRun, disk: &Disk) {
    test.write(FILE);
    disk.fill_partly(48 << 20);
    let run = test.start("run trip.yaml");
    let reason = wait_for("the reason to wait", || {
        let why = test.orch("why variant=a");
        (why.code == 0 && why.stdout.contains("room")).then_some(why.stdout)
    });
    assert!(reason.contains("queued: waits for room on the disk: 15."), "{reason}");
    disk.free();
    let ended = run.end();
    ended.expect(
        0,
        &["no trial can be started: waits for room on the disk: ", "2 of 2 trials done"],
    );
    assert_eq!(ended.stderr.matches("waits for room").count(), 1, "{}", ended.stderr);
    assert_eq!(test.recorded(), reference_records());
}

/// A disk that fills while trials run: the supervisor ends with advice, and nothing is lost.
fn full(test: &TestRun, disk: &Disk) {
    // However slow the machine is, no trial ends before the disk is full.
    let full = test.path("full");
    let waits = format!("sleep_ms: 20, wait_for: '{}'", full.display());
    test.write(&FILE.replace("sleep_ms: 20", &waits));
    let run = test.start("run trip.yaml");
    wait_for("the first events", || {
        let status = test.orch("status --json");
        (status.code == 0 && status.stdout.contains("\"step\": ")).then_some(())
    });
    disk.fill();
    fs::write(full, "").unwrap();
    let ended = run.end();
    ended.expect(
        1,
        &["is full, so nothing can be recorded", "Free some space and run the file again"],
    );
    disk.free();
    // No trial has failed by it, though each has only one attempt.
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records());
}
