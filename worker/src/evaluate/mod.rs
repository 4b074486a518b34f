//! Measuring: the validation images, sampling them, and scoring what comes out.

mod measurement;
mod scores;
mod steps_sweep;
mod upscaler;
mod validation;

pub use measurement::{Measurement, measure_bicubic, measure_networks};
pub use scores::Scores;
pub use steps_sweep::{measure_steps_sweep, steps_sweep_descriptions};
pub use upscaler::{Chain, Upscaler};
pub use validation::Validation;
