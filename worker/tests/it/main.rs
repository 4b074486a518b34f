//! The worker against golden vectors, and against itself under interruption.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod data;
mod diffusion;
mod golden;
mod interruption;
mod killing;
mod network;
mod numerics;
mod objective;
mod pretrained;
mod rows;
mod score;
mod section;
mod shipped;
mod training;
mod trial;
mod unet_small;
mod upscale;
