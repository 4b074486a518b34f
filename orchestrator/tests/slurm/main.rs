//! `orch` with a real Slurm as executor: what is guaranteed on one machine, by the same tests, and
//! what can only happen on a cluster.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cli/lab.rs"]
mod lab;

mod cluster;
mod daemons;
mod ends;
mod gpus;
mod many;
mod place;
mod usual;

#[path = "../cli/all_killed.rs"]
mod all_killed;
#[path = "../cli/background.rs"]
mod background;
#[path = "../cli/editing.rs"]
mod editing;
#[path = "../cli/failures.rs"]
mod failures;
#[path = "../cli/hostile.rs"]
mod hostile;
#[path = "../cli/interrupts.rs"]
mod interrupts;
#[path = "../cli/real_worker.rs"]
mod real_worker;
#[path = "../cli/requests.rs"]
mod requests;
#[path = "../cli/staleness.rs"]
mod staleness;
#[path = "../cli/stall.rs"]
mod stall;
#[path = "../cli/supervisor_killed.rs"]
mod supervisor_killed;
#[path = "../cli/undisturbed.rs"]
mod undisturbed;

use common::processes;
