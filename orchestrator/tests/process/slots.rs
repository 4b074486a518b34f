//! Slots between processes: never given twice, and free when the last that could use them ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use experiments::resources::Resources;
use orchestrator::slots::{Lease, Slots};
use serde_json::{Value, json};

use crate::lab::{Lab, first_step, held, machine, runs, signal, wait_for};

/// Another process that has tried for slots once; its answer is a line.
fn taker(folder: &Path, machine: &str, wanted: &Value) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-worker"));
    command.arg("lease").arg(folder).args([machine, &wanted.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn answer(taker: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(taker.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn end(mut taker: Child) {
    taker.kill().unwrap();
    taker.wait().unwrap();
}

#[test]
fn processes_at_the_same_time_fill_a_machine_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = json!({"cpus": 1, "gpus": 1, "share": "1/3"});
    for _ in 0..5 {
        let mut takers: Vec<Child> =
            (0..10).map(|_| taker(folder.path(), "16,2", &wanted)).collect();
        let mut given: Vec<String> = takers.iter_mut().map(answer).collect();
        given.sort_unstable();
        let expected = ["GPU-0", "GPU-0", "GPU-0", "GPU-1", "GPU-1", "GPU-1"];
        assert_eq!(given[..6], expected);
        assert_eq!(given[6..], ["none"; 4]);
        takers.into_iter().for_each(end);
    }
}

#[test]
fn cores_are_counted_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut takers: Vec<Child> =
        (0..4).map(|_| taker(folder.path(), "7,0", &json!({"cpus": 3}))).collect();
    let mut given: Vec<String> = takers.iter_mut().map(answer).collect();
    given.sort_unstable();
    assert_eq!(given, ["", "", "none", "none"]);
    takers.into_iter().for_each(end);
}

struct Gpu {
    folder: tempfile::TempDir,
}

impl Gpu {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The whole GPU of a machine that has one.
    fn lease(&self) -> Option<Lease> {
        let wanted = Resources { cpus: 0, gpus: 1, ..Resources::default() };
        Slots::at(self.folder.path()).try_lease(&machine(0, 1), &wanted).unwrap()
    }

    fn wait_until_free(&self) {
        wait_for("the GPU", || self.lease());
    }
}

#[test]
fn a_slot_is_busy_until_the_worker_ends_and_free_after_that() {
    let gpu = Gpu::new();
    let mut lab = Lab::new(json!({"hang_at": 1}));
    let command = lab.command(1);
    let attempt = lab.start_with(1, &command, gpu.lease().unwrap());
    // Our own copies are closed: what keeps the slot is holder and worker.
    held(&attempt);
    assert!(gpu.lease().is_none());
    attempt.request_stop().unwrap();
    lab.end(&attempt);
    assert!(gpu.lease().is_some());
}

#[test]
fn a_killed_holder_and_its_worker_free_the_slot() {
    let gpu = Gpu::new();
    let mut lab = Lab::new(json!({"hang_at": 1, "ignore_term": true}));
    let command = lab.command(1);
    let attempt = lab.start_with(1, &command, gpu.lease().unwrap());
    let holder = held(&attempt).pid;
    assert!(gpu.lease().is_none());
    signal(holder, "-KILL");
    gpu.wait_until_free();
}

#[test]
fn a_grandchild_that_outlives_holder_and_worker_keeps_the_slot() {
    let gpu = Gpu::new();
    let mut lab = Lab::new(json!({"hang_at": 1, "fork_child": true}));
    let command = lab.command(1);
    let attempt = lab.start_with(1, &command, gpu.lease().unwrap());
    let (holder, child) = (held(&attempt).pid, lab.forked_child());
    signal(holder, "-KILL");
    lab.holder_ended(&attempt);
    assert!(runs(child));
    assert!(gpu.lease().is_none());
    signal(child, "-KILL");
    gpu.wait_until_free();
}

#[test]
fn the_next_holder_does_not_get_the_slots_of_the_one_before() {
    let gpu = Gpu::new();
    let mut lab = Lab::new(json!({"hang_at": 2}));
    let command = lab.command(1);
    let first = lab.start_with(1, &command, gpu.lease().unwrap());
    let second = lab.start(2);
    first_step(&first);
    first_step(&second);
    first.request_stop().unwrap();
    lab.end(&first);
    assert!(gpu.lease().is_some(), "the second attempt still runs and keeps the first's slot");
    second.request_stop().unwrap();
    lab.end(&second);
}
