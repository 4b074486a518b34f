//! Room on the file system that runs lie on.

use std::path::Path;

use experiments::schema::resources::Memory;

/// With less, hardly anything can be written any more.
const FULL: Memory = Memory(1 << 20);

/// What is free for us on the file system of `path`; `None` where nobody can tell.
pub(crate) fn free(path: &Path) -> Option<Memory> {
    let there = rustix::fs::statvfs(path).ok()?;
    Some(Memory(there.f_bavail.saturating_mul(there.f_frsize)))
}

/// Whether next to nothing can be written to the file system of `path`.
pub(crate) fn is_full(path: &Path) -> bool {
    free(path).is_some_and(|free| free < FULL)
}
