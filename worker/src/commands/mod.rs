//! The program's commands.

pub mod check;
pub mod score;
pub mod train;
