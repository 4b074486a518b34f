//! Slots between processes: never leased twice, and free once the last process that could use them
//! has ended.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use experiments::schema::resources::Resources;
use orchestrator::slots::{ForeignProcesses, Lease, Request, Slots};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::{TestTrial, is_running, machine, signal, wait_for_first_step, wait_for_owner};
use crate::common::wait::wait_for;

/// Another process that requests slots once; its answer is a line.
fn leaser(folder: &Path, machine: &str, wanted: &Value) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-worker"));
    command.arg("lease").arg(folder).args([machine, &wanted.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn answer(leaser: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(leaser.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn end(mut leaser: Child) {
    leaser.kill().unwrap();
    leaser.wait().unwrap();
}

#[test]
fn concurrent_processes_fill_a_machine_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = json!({"cpus": 1, "gpus": 1, "share": "1/3"});
    for _ in 0..5 {
        let mut leasers: Vec<Child> =
            (0..10).map(|_| leaser(folder.path(), "16,2", &wanted)).collect();
        let mut leased: Vec<String> = leasers.iter_mut().map(answer).collect();
        leased.sort_unstable();
        let expected = ["GPU-0", "GPU-0", "GPU-0", "GPU-1", "GPU-1", "GPU-1"];
        assert_eq!(leased[..6], expected);
        assert_eq!(leased[6..], ["none"; 4]);
        leasers.into_iter().for_each(end);
    }
}

#[test]
fn cores_are_counted_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut leasers: Vec<Child> =
        (0..4).map(|_| leaser(folder.path(), "7,0", &json!({"cpus": 3}))).collect();
    let mut leased: Vec<String> = leasers.iter_mut().map(answer).collect();
    leased.sort_unstable();
    assert_eq!(leased, ["", "", "none", "none"]);
    leasers.into_iter().for_each(end);
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
        let resources = Resources { cpus: 0, gpus: 1, ..Resources::default() };
        let wanted = Request { resources, foreign_processes: ForeignProcesses::Avoided };
        Slots::at(self.folder.path()).try_lease(&machine(0, 1), &wanted).unwrap().ok()
    }

    fn wait_until_free(&self) {
        wait_for("the GPU", || self.lease());
    }
}

#[test]
fn a_slot_is_busy_until_the_worker_ends_and_free_after_that() {
    let gpu = Gpu::new();
    let mut trial = TestTrial::new(json!({"hang_at": 1}));
    let command = trial.command(1);
    let attempt = trial.start_with(1, &command, gpu.lease().unwrap());
    // This process has closed its own copies: holder and worker keep the slot.
    wait_for_owner(&attempt);
    assert!(gpu.lease().is_none());
    attempt.request_stop().unwrap();
    trial.end(&attempt);
    assert!(gpu.lease().is_some());
}

#[test]
fn a_killed_holder_and_its_worker_free_the_slot() {
    let gpu = Gpu::new();
    let mut trial = TestTrial::new(json!({"hang_at": 1, "ignore_term": true}));
    let command = trial.command(1);
    let attempt = trial.start_with(1, &command, gpu.lease().unwrap());
    let holder = wait_for_owner(&attempt).pid;
    assert!(gpu.lease().is_none());
    signal(holder, "-KILL");
    gpu.wait_until_free();
}

#[test]
fn a_grandchild_that_outlives_holder_and_worker_keeps_the_slot() {
    let gpu = Gpu::new();
    let mut trial = TestTrial::new(json!({"hang_at": 1, "fork_child": true}));
    let command = trial.command(1);
    let attempt = trial.start_with(1, &command, gpu.lease().unwrap());
    let (holder, child) = (wait_for_owner(&attempt).pid, trial.forked_child());
    signal(holder, "-KILL");
    trial.holder_ended(&attempt);
    assert!(is_running(child));
    assert!(gpu.lease().is_none());
    signal(child, "-KILL");
    gpu.wait_until_free();
}

#[test]
fn a_holder_does_not_inherit_the_slots_of_an_earlier_one() {
    let gpu = Gpu::new();
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let command = trial.command(1);
    let first = trial.start_with(1, &command, gpu.lease().unwrap());
    let second = trial.start(2);
    wait_for_first_step(&first);
    wait_for_first_step(&second);
    first.request_stop().unwrap();
    trial.end(&first);
    assert!(gpu.lease().is_some(), "the second attempt still runs and keeps the first's slot");
    second.request_stop().unwrap();
    trial.end(&second);
}

/// A request for some of two GPUs, in twelfths and with a cap, or the end of one of the processes
/// that hold some.
#[derive(Debug, Clone)]
enum Step {
    Take { gpus: u32, twelfths: u8, cap: Option<u32> },
    End(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let take = (1..=2u32, 1..=12u8, prop::option::of(1..=3u32))
        .prop_map(|(gpus, twelfths, cap)| Step::Take { gpus, twelfths, cap });
    let end = any::<prop::sample::Index>().prop_map(Step::End);
    prop::collection::vec(prop_oneof![3 => take, 1 => end], 1..16)
}

/// A process and its lease.
struct Tenant {
    process: Child,
    gpus: Vec<String>,
    twelfths: u8,
    cap: Option<u32>,
}

/// True if one of the two GPUs has room for another tenant.
fn has_room(tenants: &[Tenant], gpu: &str, twelfths: u8, cap: Option<u32>) -> bool {
    let there = || tenants.iter().filter(|tenant| tenant.gpus.iter().any(|g| g == gpu));
    let cap = there().filter_map(|tenant| tenant.cap).chain(cap).min();
    let taken: u8 = there().map(|tenant| tenant.twelfths).sum();
    taken + twelfths <= 12 && cap.is_none_or(|cap| there().count() < cap as usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However processes come and go, a GPU is never over-booked and never has more trials than any
    /// of those on it allows; and no request is refused that fits.
    #[test]
    fn no_sequence_of_leases_and_ends_overbooks_a_gpu(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let mut tenants: Vec<Tenant> = Vec::new();
        for step in steps {
            match step {
                Step::End(_) if tenants.is_empty() => {}
                Step::End(which) => end(tenants.swap_remove(which.index(tenants.len())).process),
                Step::Take { gpus, twelfths, cap } => {
                    let share = format!("{twelfths}/12");
                    let wanted =
                        json!({"cpus": 1, "gpus": gpus, "share": share, "per_gpu": cap});
                    let mut process = leaser(folder.path(), "99,2", &wanted);
                    let leased = answer(&mut process);
                    let free = ["GPU-0", "GPU-1"]
                        .into_iter()
                        .filter(|gpu| has_room(&tenants, gpu, twelfths, cap));
                    let free: Vec<_> = free.collect();
                    if leased == "none" {
                        prop_assert!(free.len() < gpus as usize, "{free:?} had room");
                        end(process);
                        continue;
                    }
                    let leased: Vec<_> = leased.split(',').map(str::to_owned).collect();
                    prop_assert_eq!(leased.len(), gpus as usize);
                    prop_assert!(leased.iter().all(|gpu| free.contains(&gpu.as_str())));
                    tenants.push(Tenant { process, gpus: leased, twelfths, cap });
                }
            }
        }
        for tenant in tenants {
            end(tenant.process);
        }
    }
}
