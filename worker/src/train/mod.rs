//! Training: SR3's algorithm 1 with Adam, warm-up, an average of the weights, and checkpoints from
//! which it resumes as if it had never stopped.

pub mod batch_sampler;
pub mod images;
pub mod optimiser;
pub mod pretrained;
pub(crate) mod stopwatch;
mod trainer;

pub(crate) use trainer::Trainer;
