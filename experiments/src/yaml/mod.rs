//! YAML text to plain values, with the position of every key for error messages.

mod decode;
mod error;
mod lookalike;
pub mod parse;
pub mod source;
pub mod suggest;
mod unknown_variant;

pub(crate) mod pointer;
pub(crate) mod positions;
