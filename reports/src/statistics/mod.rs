//! Statistics of a handful of seeds and some dozens of items, on plain numbers. docs/statistics.md
//! has the formulae, the reasons and the simulated coverage.

mod bootstrap;
mod holm;
mod paired;
#[cfg(test)]
pub(crate) mod simulation;
mod student;
mod summary;

pub(crate) use bootstrap::{Interval, RESAMPLES, SEED, percentile_interval};
pub(crate) use holm::holm;
pub(crate) use paired::{Paired, crossed, paired};
pub(crate) use summary::{Summary, interquartile_mean, mean};

/// Confidence level of every interval; a p-value below `1 - CONFIDENCE` tells two values apart.
pub(crate) const CONFIDENCE: f64 = 0.95;
