//! `orch hold DIR`: starts the worker of one attempt, and returns when it has ended.

use std::path::Path;
use std::rc::Rc;

use experiments::protocol::exit;

use super::error::Result;
use crate::code::CodeAndDiff;
use crate::executor::holder::{self, Held};
use crate::run_dir::attempt::AttemptDir;

/// Runs the verb.
pub(super) fn run(attempt: &Path) -> Result<u8> {
    hold(attempt, None)
}

/// The same, with the worker's code; `None` if it is not known.
pub(super) fn hold(attempt: &Path, code: Option<Rc<CodeAndDiff>>) -> Result<u8> {
    Ok(match holder::hold(&AttemptDir::at(attempt), code)? {
        Held::Completed => exit::OK,
        Held::OwnedByAnother => exit::LOCKED,
    })
}
