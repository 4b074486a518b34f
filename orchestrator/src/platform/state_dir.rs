//! The folder of what `orch` keeps for its user on this machine, whatever the run.

use std::env;
use std::path::PathBuf;

/// `$ORCH_STATE_DIR`, or else `orch/` in `$XDG_STATE_HOME` or `~/.local/state`; `None` where nobody
/// says.
pub(crate) fn state_dir() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("ORCH_STATE_DIR")
        .or_else(|| set("XDG_STATE_HOME").map(|home| home.join("orch")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/orch")))
}
