//! Room on the file system that runs lie on.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

use experiments::resources::Memory;

/// With less, hardly anything can be written any more.
const FULL: Memory = Memory(1 << 20);

/// SQLite's result code for a full disk, `SQLITE_FULL`.
const SQLITE_FULL: &str = "13";

/// What is free for us on the file system of `path`; `None` where nobody can tell.
pub fn free(path: &Path) -> Option<Memory> {
    let there = rustix::fs::statvfs(path).ok()?;
    Some(Memory(there.f_bavail.saturating_mul(there.f_frsize)))
}

/// Whether next to nothing can be written to the file system of `path`.
pub fn is_full(path: &Path) -> bool {
    free(path).is_some_and(|free| free < FULL)
}

/// Whether an error, or one of its causes, is that a disk is full.
pub fn is_why(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let of_system = error.downcast_ref::<io::Error>().map(io::Error::kind);
        let of_database = match error.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(error)) => error.code().is_some_and(|c| c == SQLITE_FULL),
            _ => false,
        };
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        if of_database || of_system.is_some_and(|kind| full.contains(&kind)) {
            return true;
        }
        cause = error.source();
    }
    false
}
