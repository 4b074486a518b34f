//! The libtorch of `orch-worker`: whether it is there, and how it is fetched.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program that links libtorch.
pub(super) const WORKER: &str = "orch-worker";

/// The recipe that also builds from source use.
const SCRIPT: &str = include_str!("../../../../scripts/libtorch.sh");

/// True if libraries of `program` are missing that [`fetch`] brings.
pub(super) fn is_missing(program: &Path, missing: &[String]) -> bool {
    let is_own = program.file_name() == Some(OsStr::new(WORKER));
    is_own && missing.iter().any(|library| library.starts_with("libtorch"))
}

/// Fetches libtorch from PyPI, to the folder `libtorch` beside the folder of `worker`, where it looks for it.
/// The recipe says on standard error what it does, and what is wrong.
pub(super) fn fetch(worker: &Path) -> io::Result<()> {
    let worker = worker.canonicalize()?;
    let prefix = worker.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("libtorch.sh");
    fs_err::write(&script, SCRIPT)?;
    let mut recipe = Command::new("bash");
    // What it says of its failure is enough; the checks that follow say that libraries are missing.
    recipe.arg(script).arg(prefix.join("libtorch")).stdin(Stdio::null()).status().map(drop)
}
