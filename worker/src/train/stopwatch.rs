//! Time spent training, over all attempts at a trial.

use std::time::{Duration, Instant};

/// Adds up the time between starts and pauses.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    before: Duration,
    since: Option<Instant>,
}

impl Stopwatch {
    /// Paused, with the seconds of earlier attempts on it.
    pub(crate) fn resumed(seconds: f64) -> Self {
        Self { before: Duration::try_from_secs_f64(seconds).unwrap_or_default(), since: None }
    }

    /// No effect while running.
    pub(crate) fn start(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// No effect while paused.
    pub(crate) fn pause(&mut self) {
        self.before = self.elapsed();
        self.since = None;
    }

    /// Time of all runs so far, the current one included.
    pub(crate) fn elapsed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
