//! The progress of a trial and its rate, from its events.

use std::collections::VecDeque;
use std::time::Duration;

use experiments::protocol::events::{Event, Line};

/// The rate is an average over this many seconds.
const WINDOW_SECS: f64 = 30.0;

/// The present phase of a trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Name, units done and units in all; `None` before the first progress event.
    pub phase: Option<(String, u64, u64)>,
    /// Newest step that a metric was reported at, of a worker that reports no progress.
    pub(crate) step: Option<u64>,
    /// Newest value of the metric that is shown beside it.
    pub headline: Option<f64>,
    /// True while it is stalled.
    pub stalled: bool,
    /// Time in seconds and units done, oldest first; of the present phase only, or of steps without one.
    seen: VecDeque<(f64, u64)>,
}

impl Progress {
    /// The progress of a trial of which only the newest value of that metric is known.
    pub(crate) fn of_latest(value: f64) -> Self {
        Self { headline: Some(value), ..Self::default() }
    }

    /// Adds an event; `headline` names the metric to remember.
    pub fn add(&mut self, line: &Line, headline: Option<&str>) {
        match &line.event {
            Event::Progress { phase, step, of } => {
                if !self.phase.as_ref().is_some_and(|(p, s, _)| p == phase && s <= step) {
                    self.seen.clear();
                }
                self.phase = Some((phase.clone(), *step, *of));
                self.step = None;
                self.see(line.time, *step);
            }
            Event::Metrics { step, values, item: None } => {
                if let Some(value) = headline.and_then(|name| values.get(name)) {
                    self.headline = Some(value.0);
                }
                if self.phase.is_none() {
                    if self.step.is_some_and(|before| *step < before) {
                        self.seen.clear();
                    }
                    self.step = Some(*step);
                    self.see(line.time, *step);
                }
            }
            _ => {}
        }
    }

    /// Remembers the time of a step, for the rate.
    fn see(&mut self, time: Option<f64>, step: u64) {
        let Some(time) = time else { return };
        self.seen.push_back((time, step));
        while self.seen.len() > 2 && time - self.seen[1].0 > WINDOW_SECS {
            self.seen.pop_front();
        }
    }

    /// Units a second, once two different times have been seen.
    pub fn rate(&self) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let seconds = last.0 - first.0;
        (seconds > 0.0).then(|| (last.1 - first.1) as f64 / seconds).filter(|rate| *rate > 0.0)
    }

    /// Time until the end of the present phase at the present rate.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let (_, step, of) = self.phase.as_ref()?;
        Duration::try_from_secs_f64(of.saturating_sub(*step) as f64 / self.rate()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use experiments::protocol::number::Number;

    use super::*;

    fn progress(phase: &str, step: u64, time: f64) -> Line {
        let event = Event::Progress { phase: phase.to_owned(), step, of: 100 };
        Line { time: Some(time), event }
    }

    #[test]
    fn the_rate_is_that_of_the_present_phase() {
        let mut seen = Progress::default();
        seen.add(&progress("train", 0, 0.0), None);
        assert_eq!(seen.rate(), None);
        seen.add(&progress("train", 20, 10.0), None);
        assert_eq!(seen.rate(), Some(2.0));
        assert_eq!(seen.remaining(), Some(Duration::from_secs(40)));
        seen.add(&progress("evaluate", 0, 11.0), None);
        assert_eq!(seen.rate(), None);
        seen.add(&progress("evaluate", 5, 12.0), None);
        assert_eq!(seen.rate(), Some(5.0));
    }

    #[test]
    fn without_progress_the_steps_of_metrics_have_a_rate_and_no_end() {
        let metrics = |step, time| {
            let values = [("loss".to_owned(), Number(0.5))].into();
            Line { time: Some(time), event: Event::Metrics { step, item: None, values } }
        };
        let mut seen = Progress::default();
        for step in 1..4 {
            seen.add(&metrics(step, step as f64 * 2.0), None);
        }
        assert_eq!((seen.step, seen.rate(), seen.remaining()), (Some(3), Some(0.5), None));
        seen.add(&progress("train", 20, 10.0), None);
        seen.add(&metrics(4, 10.5), None);
        assert_eq!((seen.step, seen.rate()), (None, None));
    }

    #[test]
    fn old_observations_are_forgotten() {
        let mut seen = Progress::default();
        seen.add(&progress("train", 0, 0.0), None);
        seen.add(&progress("train", 1, 100.0), None);
        seen.add(&progress("train", 51, 150.0), None);
        assert_eq!(seen.rate(), Some(1.0));
    }
}
