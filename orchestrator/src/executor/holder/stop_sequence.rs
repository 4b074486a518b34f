//! The stop of a worker: asked first, and killed when its grace is over. Values only.

use std::time::Duration;

use crate::run_dir::attempt::{Command, StopMode, StopSource};

/// An action on the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopAction {
    /// Ask it to save a checkpoint and end.
    Ask,
    /// Kill it and its process group.
    Kill,
}

/// The stop of one worker. Times count from its start.
#[derive(Debug)]
pub(super) struct StopSequence {
    grace: Duration,
    limit: Option<Duration>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Running,
    Asked { reason: StopSource, at: Duration },
    Killed { reason: StopSource },
}

impl StopSequence {
    pub(super) fn new(command: &Command) -> Self {
        Self {
            grace: seconds(command.grace_secs),
            limit: command.time_limit_secs.map(seconds),
            stage: Stage::Running,
        }
    }

    /// The action that is due at `now`; each comes once.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        requested: Option<StopMode>,
    ) -> Option<StopAction> {
        match self.stage {
            Stage::Running => {
                let reason = if requested.is_some() {
                    StopSource::Requested
                } else if self.limit.is_some_and(|limit| now >= limit) {
                    StopSource::TimeLimit
                } else {
                    return None;
                };
                self.stage = Stage::Asked { reason, at: now };
                Some(StopAction::Ask)
            }
            Stage::Asked { reason, at }
                if requested == Some(StopMode::Immediate)
                    || now >= at.saturating_add(self.grace) =>
            {
                self.stage = Stage::Killed { reason };
                Some(StopAction::Kill)
            }
            Stage::Asked { .. } | Stage::Killed { .. } => None,
        }
    }

    /// Why the worker was told to stop, if it was.
    pub(super) fn reason(&self) -> Option<StopSource> {
        match self.stage {
            Stage::Running => None,
            Stage::Asked { reason, .. } | Stage::Killed { reason } => Some(reason),
        }
    }

    /// Whether its grace ran out.
    pub(super) fn killed(&self) -> bool {
        matches!(self.stage, Stage::Killed { .. })
    }
}

/// Seconds from a file; what is no length of time counts as none, and too long as for ever.
fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const GRACEFUL: Option<StopMode> = Some(StopMode::Graceful);
    const IMMEDIATE: Option<StopMode> = Some(StopMode::Immediate);

    fn sequence(grace_secs: f64, time_limit_secs: Option<f64>) -> StopSequence {
        let env = BTreeMap::new();
        StopSequence::new(&Command {
            argv: vec![],
            cwd: "/".into(),
            env,
            grace_secs,
            time_limit_secs,
        })
    }

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_stop_asks_once_and_kills_once_after_the_grace() {
        let mut sequence = sequence(10.0, None);
        assert_eq!(sequence.advance(at(3), None), None);
        assert_eq!(sequence.advance(at(4), GRACEFUL), Some(StopAction::Ask));
        assert_eq!(sequence.advance(at(13), GRACEFUL), None);
        assert_eq!((sequence.reason(), sequence.killed()), (Some(StopSource::Requested), false));
        assert_eq!(sequence.advance(at(14), GRACEFUL), Some(StopAction::Kill));
        assert_eq!(sequence.advance(at(99), GRACEFUL), None);
        assert!(sequence.killed());
    }

    #[test]
    fn an_end_now_does_not_wait_for_the_grace() {
        let mut sequence = sequence(10.0, None);
        assert_eq!(sequence.advance(at(1), IMMEDIATE), Some(StopAction::Ask));
        assert_eq!(sequence.advance(at(1), IMMEDIATE), Some(StopAction::Kill));
        assert_eq!(sequence.advance(at(2), IMMEDIATE), None);
    }

    #[test]
    fn the_time_limit_stops_as_a_request_does() {
        let mut sequence = sequence(0.0, Some(5.0));
        assert_eq!(sequence.advance(at(4), None), None);
        assert_eq!(sequence.advance(at(5), None), Some(StopAction::Ask));
        assert_eq!(sequence.advance(at(5), GRACEFUL), Some(StopAction::Kill));
        assert_eq!(sequence.reason(), Some(StopSource::TimeLimit));
    }

    #[test]
    fn odd_lengths_of_time_do_no_harm() {
        assert_eq!(seconds(-1.0), Duration::ZERO);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
        assert_eq!(seconds(f64::INFINITY), Duration::MAX);
        let mut sequence = sequence(f64::INFINITY, None);
        assert_eq!(sequence.advance(at(1), GRACEFUL), Some(StopAction::Ask));
        assert_eq!(sequence.advance(at(u64::MAX - 1), GRACEFUL), None);
    }
}
