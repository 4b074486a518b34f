//! The command line, the supervisor and what it stores.

pub mod attempt;
pub mod claim;
pub mod clock;
pub mod durable;
pub mod executor;
pub mod holder;
pub mod host;
pub mod slots;
