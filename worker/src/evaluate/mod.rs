//! Measuring: the validation images, sampling them, and scoring the samples.

mod measurement;
mod scores;
mod steps_sweep;
mod upscaler;
mod validation;

pub(crate) use measurement::{measure_bicubic, measure_networks};
pub(crate) use scores::Scores;
pub(crate) use steps_sweep::{measure_steps_sweep, steps_sweep_descriptions};
pub(crate) use upscaler::{Chain, Upscaler};
pub(crate) use validation::Validation;
