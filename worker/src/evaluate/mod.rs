//! Measuring: the validation images, sampling them, and scoring what comes out.

mod measure;
mod scores;
mod sweep;
mod upscale;
mod validation;

pub use measure::{Measurement, measure_bicubic, measure_networks};
pub use scores::Scores;
pub use sweep::{measure_sweep, sweep_descriptions};
pub use upscale::{Chain, Upscaler};
pub use validation::Validation;
