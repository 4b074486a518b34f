//! An error with its causes, as text.

use std::error::Error;

/// An error and its causes in one line, separated by colons; hints are separated by semicolons.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.replace("\n\nhint: ", "; ")
}
