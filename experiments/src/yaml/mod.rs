//! YAML text to plain values, with the position of every key for error messages.

mod error;
pub mod excerpt;
mod expected_type;
mod finding;
mod lookalike;
pub mod parse;
mod printable;
pub mod source;
pub mod suggest;
mod unknown_variant;

pub(crate) mod decode;
pub(crate) mod pointer;
pub(crate) mod positions;
