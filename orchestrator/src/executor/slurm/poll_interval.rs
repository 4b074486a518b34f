//! The interval between queries of Slurm's queue: short after jobs were submitted or cancelled, and
//! longer and longer while nothing changes.

use std::time::{Duration, Instant};

/// The longest interval, in shortest ones.
const LONGEST: u32 = 6;

/// After a submission or a cancellation the next query comes after this fraction of the shortest
/// interval, so that several in a row share one query.
const HURRY: u32 = 5;

/// The time of the next query.
#[derive(Debug)]
pub(super) struct PollInterval {
    shortest: Duration,
    current: Duration,
    due: Instant,
}

impl PollInterval {
    /// The first query is due at once.
    pub(super) fn new(shortest: Duration) -> Self {
        Self { shortest, current: shortest, due: Instant::now() }
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// A query has ended; `changed` if the queue differs from the one before.
    pub(super) fn after_answer(&mut self, changed: bool) {
        let longer = (self.current * 3 / 2).min(self.shortest * LONGEST);
        self.current = if changed { self.shortest } else { longer };
        self.due = Instant::now() + self.current;
    }

    /// The queue is about to change.
    pub(super) fn hurry(&mut self) {
        self.current = self.shortest;
        self.due = self.due.min(Instant::now() + self.shortest / HURRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_to_its_limit_while_nothing_changes() {
        let shortest = Duration::from_secs(10);
        let mut interval = PollInterval::new(shortest);
        assert!(interval.is_due());
        let mut intervals = Vec::new();
        for _ in 0..8 {
            interval.after_answer(false);
            intervals.push(interval.current.as_secs());
        }
        assert_eq!(intervals, [15, 22, 33, 50, 60, 60, 60, 60]);
        interval.after_answer(true);
        assert_eq!(interval.current, shortest);
        assert!(!interval.is_due());
    }
}
