//! An attempt's folder: the paths of its files, and the records that supervisor and holder leave
//! there for each other.

mod command;
mod dir;
mod environment;
mod exit;
mod stop_mode;

pub use command::Command;
pub use dir::AttemptDir;
pub use environment::Environment;
pub(crate) use environment::is_secret;
pub use exit::{Exit, Outcome, StopSource};
pub use stop_mode::StopMode;
