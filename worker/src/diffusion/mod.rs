//! The conditioned diffusion of SR3 and SR4: schedules, what the network learns, and the chains
//! that sample from it. Steps t run from 1 to T, `gamma_0` = 1; the tables are f64 and plain Rust.

pub mod objective;
pub mod sampler;
pub mod schedule;
pub mod target;
pub mod vlb;
