//! Free space on the file system that runs lie on.

use std::path::Path;

use experiments::schema::resources::Memory;

/// Below this, hardly anything can be written any more.
const FULL: Memory = Memory(1 << 20);

/// The space that is free for this user on the file system of `path`; `None` where the system does not
/// tell.
pub(crate) fn free(path: &Path) -> Option<Memory> {
    let statvfs = rustix::fs::statvfs(path).ok()?;
    Some(Memory(statvfs.f_bavail.saturating_mul(statvfs.f_frsize)))
}

/// True if next to nothing can be written to the file system of `path`.
pub(crate) fn is_full(path: &Path) -> bool {
    free(path).is_some_and(|free| free < FULL)
}
