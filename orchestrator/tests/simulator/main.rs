//! The real core, plan and replay of records against a modelled world: machine, disk, holders,
//! workers, clocks and users, all driven by one seed, faults included. After every step it is checked
//! that nothing is lost, doubled or over-booked.
//!
//! `make simulate` runs simulations until `EVENTS` events have happened; `SEED` is the first seed.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod attempt;
mod checks;
mod disk;
mod early_failures;
mod faults;
mod oracle;
mod simulation;
mod supervisor;
mod users;
mod world;

use std::collections::BTreeMap;
use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use simulation::Simulation;

/// The number of events without `EVENTS`: about a second's worth.
const DEFAULT_EVENTS: u64 = 400_000;

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn no_event_or_fault_loses_doubles_or_over_books_anything() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (enough, first) = (number("EVENTS").unwrap_or(DEFAULT_EVENTS), number("SEED").unwrap_or(1));
    let start = Instant::now();
    let (mut events, mut experiments, mut counts) = (0, 0, BTreeMap::new());
    for seed in first.. {
        let mut simulation = Simulation::new(seed);
        let done = panic::catch_unwind(AssertUnwindSafe(|| simulation.run()));
        if let Err(panic) = done {
            println!("{}\nto repeat it: make simulate SEED={seed} EVENTS=1", simulation.story());
            panic::resume_unwind(panic);
        }
        events += simulation.events();
        experiments += 1;
        for (what, count) in simulation.counts() {
            *counts.entry(*what).or_insert(0) += count;
        }
        if events >= enough {
            break;
        }
    }
    let rate = f64::from(experiments) / start.elapsed().as_secs_f64();
    println!("{events} events in {experiments} experiments, {rate:.0} experiments a second:");
    for (what, count) in counts {
        println!("{count:9}  {what}");
    }
}
