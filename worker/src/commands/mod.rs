//! The program's commands.

use std::fmt::Display;
use std::io::{self, Write};

pub mod check;
pub mod info;
pub mod score;
pub mod train;
pub mod upscale;

/// Says on standard error what is wrong, a line each. Where nobody can be told, the exit code says it.
fn complain(problems: impl IntoIterator<Item = impl Display>) {
    let mut errors = io::stderr().lock();
    for problem in problems {
        let _told = writeln!(errors, "error: {problem:#}");
    }
}
