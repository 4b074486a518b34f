//! Statistics of a handful of seeds and some dozens of items, on plain numbers. docs/statistics.md
//! has the formulae, the reasons and what coverage was simulated.

mod bootstrap;
mod holm;
mod paired;
#[cfg(test)]
mod simulation;
mod student;
mod summary;

pub use bootstrap::{Interval, RESAMPLES, SEED, percentile_interval};
pub use holm::holm;
pub use paired::{Paired, crossed, paired};
pub use summary::{Summary, interquartile_mean, mean};

/// How sure an interval is, and which p-value is small enough to tell two values apart.
pub const CONFIDENCE: f64 = 0.95;
