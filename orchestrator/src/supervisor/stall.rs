//! Stall detection: the time for which neither the events nor the logs of an attempt have grown.

use std::time::{Duration, Instant};

use crate::run_dir::attempt::AttemptDir;

/// Most time that counts between two polls: while this process or the whole machine was stopped, the
/// worker may have been stopped as well.
const MAX_COUNTED: Duration = Duration::from_secs(2);

/// The stall detector of one attempt.
#[derive(Debug)]
pub(super) struct StallDetector {
    sizes: [u64; 3],
    polled: Instant,
    silent: Duration,
}

impl StallDetector {
    pub(super) fn new(attempt: &AttemptDir) -> Self {
        Self { sizes: sizes(attempt), polled: Instant::now(), silent: Duration::ZERO }
    }

    /// Polls again: the time since something last grew.
    pub(super) fn poll(&mut self, attempt: &AttemptDir) -> Duration {
        let sizes = sizes(attempt);
        if sizes == self.sizes {
            self.silent += self.polled.elapsed().min(MAX_COUNTED);
        } else {
            (self.sizes, self.silent) = (sizes, Duration::ZERO);
        }
        self.polled = Instant::now();
        self.silent
    }
}

fn sizes(attempt: &AttemptDir) -> [u64; 3] {
    [attempt.events(), attempt.stdout(), attempt.stderr()]
        .map(|path| path.metadata().map_or(0, |metadata| metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_a_stall_and_time_without_polls_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        let mut detector = StallDetector::new(&attempt);
        for path in [attempt.events(), attempt.stdout(), attempt.stderr()] {
            detector.polled = Instant::now().checked_sub(Duration::from_hours(1)).unwrap();
            assert_eq!(detector.poll(&attempt), MAX_COUNTED);
            assert!(detector.poll(&attempt) >= MAX_COUNTED);
            std::fs::write(path, "a line").unwrap();
            assert_eq!(detector.poll(&attempt), Duration::ZERO);
        }
    }
}
