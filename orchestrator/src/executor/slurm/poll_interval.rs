//! How often Slurm is asked: soon after something was submitted or cancelled, and ever more seldom
//! while nothing changes.

use std::time::{Duration, Instant};

/// So many times the shortest interval is the longest.
const SLOWEST: u32 = 6;

/// After something was told, the next question comes after this part of the shortest interval, so
/// that several in a row are answered together.
const SOON: u32 = 5;

/// When the next question is due.
#[derive(Debug)]
pub(super) struct Pace {
    shortest: Duration,
    interval: Duration,
    due: Instant,
}

impl Pace {
    /// The first question is due at once.
    pub(super) fn new(shortest: Duration) -> Self {
        Self { shortest, interval: shortest, due: Instant::now() }
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// A question was answered, with or without news.
    pub(super) fn answered(&mut self, news: bool) {
        let slower = (self.interval * 3 / 2).min(self.shortest * SLOWEST);
        self.interval = if news { self.shortest } else { slower };
        self.due = Instant::now() + self.interval;
    }

    /// The answer will be another soon.
    pub(super) fn hurry(&mut self) {
        self.interval = self.shortest;
        self.due = self.due.min(Instant::now() + self.shortest / SOON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_nothing_changes_the_less_is_asked_and_never_less_than_that() {
        let shortest = Duration::from_secs(10);
        let mut pace = Pace::new(shortest);
        assert!(pace.is_due());
        let mut intervals = Vec::new();
        for _ in 0..8 {
            pace.answered(false);
            intervals.push(pace.interval.as_secs());
        }
        assert_eq!(intervals, [15, 22, 33, 50, 60, 60, 60, 60]);
        pace.answered(true);
        assert_eq!(pace.interval, shortest);
        assert!(!pace.is_due());
    }
}
