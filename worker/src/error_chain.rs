//! An error and its causes in one line.

use std::error::Error;

/// The messages of `error` and of all its causes, outermost first, separated by colons.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
