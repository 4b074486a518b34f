//! The folder of state that `orch` keeps for its user on this machine, outside of any run.

use std::env;
use std::path::PathBuf;

/// `$ORCH_STATE_DIR`, or else `orch/` in `$XDG_STATE_HOME` or `~/.local/state`; `None` where none
/// of these is set.
pub(crate) fn state_dir() -> Option<PathBuf> {
    path_in("ORCH_STATE_DIR")
        .or_else(|| path_in("XDG_STATE_HOME").map(|home| home.join("orch")))
        .or_else(|| path_in("HOME").map(|home| home.join(".local/state/orch")))
}

/// The path in the environment variable `name`; `None` if it is unset or empty.
pub(crate) fn path_in(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}
