//! The denoising U-Net of the unofficial SR3, parameter by parameter under its own names, so that
//! its public checkpoints load and compare.

pub mod plan;
