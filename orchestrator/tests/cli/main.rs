//! The whole `orch` command against real processes: a module per story, each test in a folder of
//! its own.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/here.rs"]
mod place;

mod all_killed;
mod background;
mod comparing;
mod database;
mod doctor;
mod editing;
mod example;
mod exports;
mod failures;
mod gpus;
mod help;
mod hostile;
mod imports;
mod interrupts;
mod lab;
mod looking_up;
mod on_a_terminal;
mod one_trial;
mod order;
mod provenance;
mod real_worker;
mod records;
mod requests;
mod retention;
mod staleness;
mod stall;
mod supervisor_killed;
mod undisturbed;
mod usage;

use common::processes;
