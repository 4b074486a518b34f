//! Waits for a condition, by polling.

use std::thread;
use std::time::{Duration, Instant};

/// After this long a test fails; nothing that is waited for takes nearly as long.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Polls until `poll` returns a value.
pub(crate) fn wait_for<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(start.elapsed() < TIMEOUT, "timed out while waiting for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
