//! Campaigns until enough faults have been injected.

use std::collections::BTreeMap;
use std::env;

use super::campaign::{self, Campaign};
use super::fault::Fault;
use super::namespace;

/// The number of faults without `FAULTS`: some seconds' worth.
const DEFAULT_FAULTS: u64 = 12;

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn no_fault_loses_or_doubles_anything() {
    // In a namespace of its own it may mount a small disk, and fill it.
    if !namespace::is_inside()
        && let Some(status) =
            namespace::run("injection::survival::no_fault_loses_or_doubles_anything")
    {
        assert!(status.success());
        return;
    }
    let faults = number("FAULTS").unwrap_or(DEFAULT_FAULTS) as usize;
    let first_seed = number("SEED").unwrap_or(1);

    let expected = campaign::without_faults();
    let mut survived = Vec::new();
    let (mut full_disk_possible, mut clock_step_possible) = (false, false);
    for seed in first_seed.. {
        if survived.len() >= faults {
            break;
        }
        let mut campaign = Campaign::new(seed);
        let disk = if campaign.is_on_small_disk() { "a small disk" } else { "the usual disk" };
        println!("seed {seed}, on {disk}: {} of {faults} faults survived so far", survived.len());
        survived.extend(campaign.run(faults - survived.len(), &expected));
        full_disk_possible |= campaign.is_on_small_disk();
        clock_step_possible |= campaign.clock.is_some();
    }
    println!("survived {} faults:", survived.len());
    for (fault, count) in counts(&survived) {
        println!("{count:6}  {fault}");
    }
    for (fault, possible) in
        [(Fault::FullDisk, full_disk_possible), (Fault::ClockStep, clock_step_possible)]
    {
        if !possible {
            println!("  none  {fault}: not possible here");
        }
    }
}

/// An environment variable; `None` where it is not set.
pub(super) fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The number of faults of each kind.
fn counts(faults: &[Fault]) -> BTreeMap<Fault, u32> {
    let mut counts = BTreeMap::new();
    for fault in faults {
        *counts.entry(*fault).or_insert(0) += 1;
    }
    counts
}
