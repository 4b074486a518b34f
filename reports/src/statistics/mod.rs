//! Statistics of a handful of seeds and some dozens of items, on plain numbers. docs/statistics.md
//! has the formulae, the reasons and the simulated coverage.

mod anytime;
mod bootstrap;
#[cfg(test)]
mod design_simulation;
mod e_process;
mod group_sequential;
mod holm;
mod needed;
pub(crate) mod normal;
mod paired;
mod power;
mod seed_counts;
mod sequential;
#[cfg(test)]
mod simulation;
mod student;
mod summary;

pub(crate) use bootstrap::{Interval, RESAMPLES, SEED, percentile_interval};
pub(crate) use holm::holm;
pub(crate) use needed::{Need, Pilot};
pub(crate) use paired::{Paired, crossed, paired};
pub(crate) use power::{DesignPower, seeds_of_one_test};
pub(crate) use seed_counts::seed_counts;
pub(crate) use sequential::SequentialTest;
pub(crate) use summary::{Summary, interquartile_mean, mean};

/// Confidence level of every interval; a p-value below `1 - CONFIDENCE` tells two values apart.
pub(crate) const CONFIDENCE: f64 = 0.95;
