//! The arguments of every tool, and the command line that they make. Their documentation is what a client
//! reads, so it speaks of calls and results.

pub(super) mod changing;
pub(super) mod claims;
pub(super) mod reading;
