//! The worker of the super-resolution papers SR3 and SR4: data, model, training and measurement of
//! one trial, on libtorch. What it says goes through `experiments`' events; it knows nothing of
//! the orchestrator.

pub mod bridge;
pub mod config;
pub mod diffusion;
pub mod model;
