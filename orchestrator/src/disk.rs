//! Room on the file system that runs lie on.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;
use std::path::Path;

use experiments::resources::Memory;

use crate::attempt::AttemptDir;
use crate::log_end;
use crate::store::StoreError;

/// With less, hardly anything can be written any more.
const FULL: Memory = Memory(1 << 20);

/// What is free for us on the file system of `path`; `None` where nobody can tell.
pub fn free(path: &Path) -> Option<Memory> {
    let there = rustix::fs::statvfs(path).ok()?;
    Some(Memory(there.f_bavail.saturating_mul(there.f_frsize)))
}

/// Whether next to nothing can be written to the file system of `path`.
pub fn is_full(path: &Path) -> bool {
    free(path).is_some_and(|free| free < FULL)
}

/// What the system calls it, whatever language a program is written in.
const BY_NAME: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Whether a worker that has just ended did so on a full disk: it is, or the worker's last words
/// are that it was, for room may have been made since.
pub fn was_full(attempt: &AttemptDir) -> bool {
    is_full(attempt.path()) || log_end::complains_of(attempt, &BY_NAME)
}

/// Whether an error, or one of its causes, is that a disk is full.
pub fn is_why(error: &(dyn Error + 'static)) -> bool {
    let of_system = |error: &(dyn Error + 'static)| {
        let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
        error.downcast_ref::<io::Error>().is_some_and(|error| full.contains(&error.kind()))
    };
    iter::successors(Some(error), |error| (*error).source())
        .any(|cause| of_system(cause) || StoreError::is_by_full_disk(cause))
}
