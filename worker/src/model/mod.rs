//! The denoising U-Net of the unofficial SR3, parameter by parameter under its own names, so that
//! its public checkpoints load and compare.

pub mod blocks;
mod dropout;
pub mod embedding;
pub mod fusion;
pub(crate) mod injection;
pub mod parameters;
mod precision;
mod unet;

pub use unet::Unet;

const RGB: i64 = 3;

/// Dropout acts in training only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With dropout.
    Train,
    /// Without dropout.
    Evaluate,
}
