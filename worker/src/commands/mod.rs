//! The program's commands.

use std::fmt::Display;
use std::io::{self, Write};

pub mod check;
pub mod info;
pub mod score;
pub mod train;
pub mod upscale;

/// Prints each problem as a line on standard error. Where standard error is closed, only the exit code
/// remains.
fn report_errors(problems: impl IntoIterator<Item = impl Display>) {
    let mut errors = io::stderr().lock();
    for problem in problems {
        let _printed = writeln!(errors, "error: {problem:#}");
    }
}
