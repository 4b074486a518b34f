//! The tests on CPUs, by subject.

mod data;
mod diffusion;
mod durability;
mod killing;
mod network;
mod numerics;
mod objective;
mod pretrained;
mod score;
mod shipped;
mod training;
mod upscale;
