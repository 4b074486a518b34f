//! Waiting for what other processes do.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up; far longer than it does.
const DEADLINE: Duration = Duration::from_mins(2);

/// Polls until `look` finds something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
