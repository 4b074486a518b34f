//! The stop of a worker: first SIGTERM, and SIGKILL when its grace is over. Values only.

use std::time::Duration;

use crate::run_dir::attempt::{Command, StopMode, StopSource};

/// A step of the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopAction {
    /// SIGTERM to the worker, so that it saves a checkpoint and ends.
    Terminate,
    /// SIGKILL to its process group.
    Kill,
}

/// The stop of one worker. Times count from the worker's start.
#[derive(Debug)]
pub(super) struct StopSequence {
    grace: Duration,
    time_limit: Option<Duration>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Running,
    Terminating { source: StopSource, since: Duration },
    Killed { source: StopSource },
}

impl StopSequence {
    pub(super) fn new(command: &Command) -> Self {
        Self {
            grace: seconds(command.grace_secs),
            time_limit: command.time_limit_secs.map(seconds),
            stage: Stage::Running,
        }
    }

    /// The action that is due at `now`; each is returned once.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        requested: Option<StopMode>,
    ) -> Option<StopAction> {
        match self.stage {
            Stage::Running => {
                let source = if requested.is_some() {
                    StopSource::Requested
                } else if self.time_limit.is_some_and(|limit| now >= limit) {
                    StopSource::TimeLimit
                } else {
                    return None;
                };
                self.stage = Stage::Terminating { source, since: now };
                Some(StopAction::Terminate)
            }
            Stage::Terminating { source, since }
                if requested == Some(StopMode::Immediate)
                    || now >= since.saturating_add(self.grace) =>
            {
                self.stage = Stage::Killed { source };
                Some(StopAction::Kill)
            }
            Stage::Terminating { .. } | Stage::Killed { .. } => None,
        }
    }

    /// `None` while the worker has not been asked to stop.
    pub(super) fn source(&self) -> Option<StopSource> {
        match self.stage {
            Stage::Running => None,
            Stage::Terminating { source, .. } | Stage::Killed { source } => Some(source),
        }
    }

    /// True if SIGKILL was due.
    pub(super) fn killed(&self) -> bool {
        matches!(self.stage, Stage::Killed { .. })
    }
}

/// Seconds from a file. Negative numbers and NaN count as zero, too large ones as for ever.
fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACEFUL: Option<StopMode> = Some(StopMode::Graceful);
    const IMMEDIATE: Option<StopMode> = Some(StopMode::Immediate);

    fn sequence(grace_secs: f64, time_limit_secs: Option<f64>) -> StopSequence {
        StopSequence::new(&Command { grace_secs, time_limit_secs, ..Command::default() })
    }

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_stop_terminates_once_and_kills_once_after_the_grace() {
        let mut sequence = sequence(10.0, None);
        assert_eq!(sequence.advance(at(3), None), None);
        assert_eq!(sequence.advance(at(4), GRACEFUL), Some(StopAction::Terminate));
        assert_eq!(sequence.advance(at(13), GRACEFUL), None);
        assert_eq!((sequence.source(), sequence.killed()), (Some(StopSource::Requested), false));
        assert_eq!(sequence.advance(at(14), GRACEFUL), Some(StopAction::Kill));
        assert_eq!(sequence.advance(at(99), GRACEFUL), None);
        assert!(sequence.killed());
    }

    #[test]
    fn an_immediate_stop_does_not_wait_for_the_grace() {
        let mut sequence = sequence(10.0, None);
        assert_eq!(sequence.advance(at(1), IMMEDIATE), Some(StopAction::Terminate));
        assert_eq!(sequence.advance(at(1), IMMEDIATE), Some(StopAction::Kill));
        assert_eq!(sequence.advance(at(2), IMMEDIATE), None);
    }

    #[test]
    fn the_time_limit_stops_as_a_request_does() {
        let mut sequence = sequence(0.0, Some(5.0));
        assert_eq!(sequence.advance(at(4), None), None);
        assert_eq!(sequence.advance(at(5), None), Some(StopAction::Terminate));
        assert_eq!(sequence.advance(at(5), GRACEFUL), Some(StopAction::Kill));
        assert_eq!(sequence.source(), Some(StopSource::TimeLimit));
    }

    #[test]
    fn unreasonable_durations_do_no_harm() {
        assert_eq!(seconds(-1.0), Duration::ZERO);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
        assert_eq!(seconds(f64::INFINITY), Duration::MAX);
        let mut sequence = sequence(f64::INFINITY, None);
        assert_eq!(sequence.advance(at(1), GRACEFUL), Some(StopAction::Terminate));
        assert_eq!(sequence.advance(at(u64::MAX - 1), GRACEFUL), None);
    }
}
