//! How long nothing has been heard of an attempt: neither its events nor its logs have grown.

use std::time::{Duration, Instant};

use crate::run_dir::attempt::AttemptDir;

/// Time that counts between two looks, at most: while nobody looked, because this process or the
/// whole machine was stopped, the worker may have been stopped as well.
const COUNTS: Duration = Duration::from_secs(2);

/// The detector of one attempt.
#[derive(Debug)]
pub(super) struct StallDetector {
    sizes: [u64; 3],
    looked: Instant,
    lasts: Duration,
}

impl StallDetector {
    pub(super) fn new(attempt: &AttemptDir) -> Self {
        Self { sizes: sizes(attempt), looked: Instant::now(), lasts: Duration::ZERO }
    }

    /// How long it has lasted, by looking again.
    pub(super) fn look(&mut self, attempt: &AttemptDir) -> Duration {
        let sizes = sizes(attempt);
        if sizes == self.sizes {
            self.lasts += self.looked.elapsed().min(COUNTS);
        } else {
            (self.sizes, self.lasts) = (sizes, Duration::ZERO);
        }
        self.looked = Instant::now();
        self.lasts
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
    fn whatever_grows_ends_a_silence_and_what_nobody_watched_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        let mut detector = StallDetector::new(&attempt);
        for path in [attempt.events(), attempt.stdout(), attempt.stderr()] {
            detector.looked = Instant::now().checked_sub(Duration::from_hours(1)).unwrap();
            assert_eq!(detector.look(&attempt), COUNTS);
            assert!(detector.look(&attempt) >= COUNTS);
            std::fs::write(path, "a word").unwrap();
            assert_eq!(detector.look(&attempt), Duration::ZERO);
        }
    }
}
