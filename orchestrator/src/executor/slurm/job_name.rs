//! Names of submissions, by which their jobs are found again.

use std::path::Path;

use crate::platform::clock;
use crate::platform::hash::sha256;
use crate::platform::host::Host;

/// The run's name, and a suffix that no other submission has.
pub(super) fn unique(run: &Path) -> String {
    let (host, process, now) = (Host::this(), std::process::id(), clock::now_ms());
    let seed = format!("{} {host:?} {process} {now}", run.display());
    let run = run.file_name().unwrap_or_default().to_string_lossy();
    format!("{run}-{}", &sha256(&seed)[..8])
}
