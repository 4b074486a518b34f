//! Holder, claims, executor and slots with real processes: started, stopped and killed.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

#[path = "../common/wait.rs"]
mod wait;

mod claims;
mod ends;
mod lab;
mod slots;
mod stops;
