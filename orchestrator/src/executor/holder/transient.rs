//! Failures to start a worker that another attempt, a little later, may not meet.

use std::error::Error;
use std::io;
use std::iter::successors;

use rustix::io::Errno;

/// Limits that are reached for the moment, and a program that is open for writing because it is being
/// built or copied.
const TRANSIENT: [Errno; 7] = [
    // Of the number of processes.
    Errno::AGAIN,
    // Of the open files of a process, and of all.
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    // Of the blocks or of the files of a file system, and of a user's there.
    Errno::NOSPC,
    Errno::DQUOT,
    Errno::TXTBSY,
];

/// True if `error` is, or was caused by, such a failure.
pub(super) fn is_transient(error: &(dyn Error + 'static)) -> bool {
    successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error())
        .any(|code| TRANSIENT.map(Errno::raw_os_error).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::atomic_file::FileError;

    #[test]
    fn only_failures_that_may_pass_are_transient_whatever_they_caused() {
        let error = |errno: Errno| FileError::Write { path: "a".into(), source: errno.into() };
        assert!(TRANSIENT.into_iter().all(|errno| is_transient(&error(errno))));
        for lasting in [Errno::NOENT, Errno::ACCESS, Errno::NOEXEC, Errno::PERM, Errno::TOOBIG] {
            assert!(!is_transient(&error(lasting)), "{lasting}");
        }
        assert!(!is_transient(&io::Error::other("no number")));
    }
}
