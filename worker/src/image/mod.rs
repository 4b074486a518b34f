//! Images as the paper measures them: 8-bit RGB, Pillow's bicubic, and the scores.
//!
//! Nothing here knows tensors. [`Rgb`] crosses to the model and back as planes in [-1, 1].

pub mod bicubic;
pub(crate) mod files;
pub(crate) mod metrics;
mod rgb;

#[cfg(test)]
pub(crate) mod golden;

pub(crate) use rgb::ImageError;
pub use rgb::Rgb;
