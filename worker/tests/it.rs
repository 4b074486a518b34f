//! The worker against golden vectors, and against itself under interruption.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;
mod suites;
