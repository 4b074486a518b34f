//! Fault injection: experiments in which one thing after the other fails, at random moments. After
//! each fault `orch run` is called again; in the end nothing may be lost, doubled or left behind.
//!
//! `make faults` injects many. `FAULTS` is their number, `MUTATIONS` that of damaged files and of
//! forged bundles, `CUTS` that of
//! power cuts, and `SEED` the first seed of the random numbers.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// The shared helpers, as far as this program uses them.
mod common {
    pub(crate) mod bundles;
    pub(crate) mod local;
    pub(crate) mod processes;
    pub(crate) mod signals;
    pub(crate) mod test_run;
    pub(crate) mod wait;
}

mod injection {
    mod campaign;
    mod checks;
    mod clock;
    mod crash_points;
    mod disk;
    mod disk_space;
    mod fault;
    mod forged_bundles;
    mod namespace;
    mod power_cut;
    mod reader;
    mod survival;
    mod torn_files;
    mod tracer;
}

use common::local as executor;
