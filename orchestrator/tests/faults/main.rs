//! Experiments in which one thing after the other goes wrong, at random moments; after each,
//! `orch run` is called again. In the end nothing may be lost, doubled or left behind.
//!
//! `make faults` carries out many of them. `FAULTS` chooses how many faults there are, and `SEED`
//! where the random numbers begin.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/here.rs"]
mod place;

mod campaign;
mod checks;
mod clock;
mod disk;
mod fault;
mod reader;
mod room;

use std::collections::BTreeMap;
use std::env;
use std::process::{Command, ExitStatus};

use campaign::Campaign;
use common::lab::Lab;
use disk::Disk;
use fault::Fault;

/// How many faults there are if nobody says so: enough for some seconds.
const FEW: usize = 12;

/// Set for the test within its namespace.
const INSIDE: &str = "FAULTS_INSIDE";

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn whatever_fails_nothing_is_lost_or_doubled() {
    // In a namespace of its own it may mount a small disk, and fill it.
    if env::var_os(INSIDE).is_none()
        && let Some(status) = run_in_namespace("whatever_fails_nothing_is_lost_or_doubled")
    {
        assert!(status.success());
        return;
    }
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let faults = number("FAULTS").unwrap_or(FEW as u64) as usize;
    let first_seed = number("SEED").unwrap_or(1);

    let expected = campaign::undisturbed();
    let (mut survived, mut campaigns) = (Vec::new(), Vec::new());
    for seed in first_seed.. {
        if survived.len() >= faults {
            break;
        }
        let mut campaign = Campaign::new(seed);
        let disk =
            if campaign.is_on_small_disk() { "on a small disk" } else { "on the usual disk" };
        println!("seed {seed}, {disk}: {} of {faults} faults survived so far", survived.len());
        survived.extend(campaign.carry_out(faults - survived.len(), &expected));
        campaigns.push((campaign.is_on_small_disk(), campaign.clock.is_some()));
    }
    let never = |possible: fn(&(bool, bool)) -> bool, fault| {
        (!campaigns.iter().any(possible)).then_some(fault)
    };
    let left_out = [never(|c| c.0, Fault::FullDisk), never(|c| c.1, Fault::ClockStep)];
    print!("{}", summary(&survived, left_out.into_iter().flatten()));
}

#[test]
fn below_the_floor_nothing_is_started_until_there_is_room() {
    on_a_small_disk(
        "below_the_floor_nothing_is_started_until_there_is_room",
        room::below_the_floor,
    );
}

#[test]
fn a_full_disk_fails_no_trial() {
    on_a_small_disk("a_full_disk_fails_no_trial", room::full);
}

/// Runs the test of this name where runs lie on a small disk; says so where there can be none.
#[expect(clippy::print_stdout, reason = "a test that cannot be run is to be seen")]
fn on_a_small_disk(name: &str, test: fn(&Lab, &Disk)) {
    if env::var_os(INSIDE).is_none() {
        match run_in_namespace(name) {
            Some(status) => assert!(status.success()),
            None => println!("{name}: not possible here, since no file system may be mounted"),
        }
        return;
    }
    let lab = Lab::with_file("");
    let disk = Disk::mount(&lab).expect("in a namespace of its own it may mount");
    test(&lab, &disk);
}

/// How many there were of each.
fn summary(survived: &[Fault], left_out: impl Iterator<Item = Fault>) -> String {
    let mut counts = BTreeMap::new();
    for fault in survived {
        *counts.entry(fault).or_insert(0) += 1;
    }
    let counted = counts.iter().map(|(fault, count)| format!("{count:6}  {fault}\n"));
    let missing = left_out.map(|fault| format!("  none  {fault}: not possible here\n"));
    let lines: String = counted.chain(missing).collect();
    format!("survived {} faults:\n{lines}", survived.len())
}

/// Runs the test of this name where it may mount; `None` where there are no such namespaces for us.
fn run_in_namespace(name: &str) -> Option<ExitStatus> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command
    };
    let possible = unshare().arg("true").output().is_ok_and(|output| output.status.success());
    let mut inside = unshare();
    let shown = env::args().filter(|argument| argument == "--nocapture");
    inside.arg(env::current_exe().unwrap()).args(["--exact", name]).args(shown).env(INSIDE, "1");
    possible.then(|| inside.status().unwrap())
}
