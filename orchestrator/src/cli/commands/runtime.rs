//! The runtime of a verb, and of work beside it that waits for records.

use std::future::Future;
use std::io;

/// Runs `work` on a runtime of its own, on this thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}
