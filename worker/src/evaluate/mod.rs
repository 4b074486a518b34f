//! Measuring: the validation images, sampling them, and scoring what comes out.

mod measure;
mod scores;
mod upscale;
mod validation;

pub use measure::{Measurement, measure_bicubic, measure_networks};
pub use scores::Scores;
pub use upscale::{Chain, Upscaler};
pub use validation::Validation;
