//! The worker's command, environment and paths with templates, such as `{lr}`: what the names stand
//! for, and the check of every name before anything runs.

mod arguments;
mod check;
mod shared;
mod template;
mod values;

pub use self::check::uses;
pub(super) use self::check::{check_templates, uses_trial};
pub use self::template::has_names;
pub use self::values::{CONFIG_FILE, Folders, Values};
