//! A disk with too little room, and one with none.

use std::fs;

use crate::common::lab::{Lab, Recorded};
use crate::common::wait::wait_for;
use crate::disk::Disk;

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

fn undisturbed() -> Recorded {
    let lab = Lab::with_file(FILE);
    lab.orch("run trip.yaml").says(0, &["2 of 2 trials done"]);
    lab.recorded()
}

/// Below the floor nothing is started, which is said once, and the run goes on when there is room.
pub(crate) fn below_the_floor(lab: &Lab, disk: &Disk) {
    lab.write(FILE);
    disk.fill_up_to(48 << 20);
    let run = lab.start("run trip.yaml");
    let reason = wait_for("the reason to wait", || {
        let why = lab.orch("why variant=a");
        (why.code == 0 && why.stdout.contains("room")).then_some(why.stdout)
    });
    assert!(reason.contains("queued: waits for room on the disk: 15."), "{reason}");
    disk.free();
    let ended = run.end();
    ended.says(0, &["no trial can be started: waits for room on the disk: ", "2 of 2 trials done"]);
    assert_eq!(ended.stderr.matches("waits for room").count(), 1, "{}", ended.stderr);
    assert_eq!(lab.recorded(), undisturbed());
}

/// A disk that fills while trials run: whoever cannot go on says what to do, and nothing is lost.
pub(crate) fn full(lab: &Lab, disk: &Disk) {
    // However slow the machine is, nobody is done before the disk is full.
    let full = lab.path("full");
    let waits = format!("sleep_ms: 20, wait_for: '{}'", full.display());
    lab.write(&FILE.replace("sleep_ms: 20", &waits));
    let run = lab.start("run trip.yaml");
    wait_for("the first events", || {
        let status = lab.orch("status --json");
        (status.code == 0 && status.stdout.contains("\"step\": ")).then_some(())
    });
    disk.fill();
    fs::write(full, "").unwrap();
    let ended = run.end();
    ended.says(
        1,
        &["is full, so that nothing can be recorded", "Make room, and run the file again"],
    );
    disk.free();
    // Nobody has failed by it, though one attempt is all that each trial has.
    lab.orch("run trip.yaml").says(0, &["2 of 2 trials done"]);
    assert_eq!(lab.recorded(), undisturbed());
}
