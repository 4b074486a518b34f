//! The program's commands.

pub mod check;
pub mod train;
