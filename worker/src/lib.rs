//! The worker of the super-resolution papers SR3 and SR4: data, model, training and measurement of
//! one trial, on libtorch. It reports through `experiments`' events and knows nothing of
//! the orchestrator.

mod attempt;
mod bridge;
mod build_id;
pub mod checkpoint;
mod checksum;
pub mod commands;
pub mod config;
pub mod data;
pub mod device;
pub mod diffusion;
mod error_chain;
mod evaluate;
mod failure;
mod fid;
mod filesystem;
pub mod image;
pub mod model;
pub mod random;
mod sha256;
pub mod train;
mod weights;
