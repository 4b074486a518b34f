//! How a worker is made to stop: asked first, and killed when its grace is over. Values only.

use std::time::Duration;

use crate::run_dir::attempt::{Command, StopReason};

/// What to do to the worker now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask it to save a checkpoint and end.
    Ask,
    /// Kill it and its process group.
    Kill,
}

/// What somebody wants of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    GoOn,
    /// That it ends, with its grace for a checkpoint.
    Stop,
    /// That it ends now.
    End,
}

/// The stop of one worker. Times count from its start.
#[derive(Debug)]
pub(super) struct Ladder {
    grace: Duration,
    limit: Option<Duration>,
    rung: Rung,
}

#[derive(Debug, Clone, Copy)]
enum Rung {
    Running,
    Asked { reason: StopReason, at: Duration },
    Killed { reason: StopReason },
}

impl Ladder {
    pub(super) fn new(command: &Command) -> Self {
        Self {
            grace: seconds(command.grace_secs),
            limit: command.time_limit_secs.map(seconds),
            rung: Rung::Running,
        }
    }

    /// The step that is due at `now`; each comes once.
    pub(super) fn climb(&mut self, now: Duration, wish: Wish) -> Option<Step> {
        match self.rung {
            Rung::Running => {
                let reason = if wish != Wish::GoOn {
                    StopReason::Requested
                } else if self.limit.is_some_and(|limit| now >= limit) {
                    StopReason::TimeLimit
                } else {
                    return None;
                };
                self.rung = Rung::Asked { reason, at: now };
                Some(Step::Ask)
            }
            Rung::Asked { reason, at }
                if wish == Wish::End || now >= at.saturating_add(self.grace) =>
            {
                self.rung = Rung::Killed { reason };
                Some(Step::Kill)
            }
            Rung::Asked { .. } | Rung::Killed { .. } => None,
        }
    }

    /// Why the worker was told to stop, if it was.
    pub(super) fn reason(&self) -> Option<StopReason> {
        match self.rung {
            Rung::Running => None,
            Rung::Asked { reason, .. } | Rung::Killed { reason } => Some(reason),
        }
    }

    /// Whether its grace ran out.
    pub(super) fn killed(&self) -> bool {
        matches!(self.rung, Rung::Killed { .. })
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

    fn ladder(grace_secs: f64, time_limit_secs: Option<f64>) -> Ladder {
        let env = BTreeMap::new();
        Ladder::new(&Command { argv: vec![], cwd: "/".into(), env, grace_secs, time_limit_secs })
    }

    const fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_stop_asks_once_and_kills_once_after_the_grace() {
        let mut ladder = ladder(10.0, None);
        assert_eq!(ladder.climb(at(3), Wish::GoOn), None);
        assert_eq!(ladder.climb(at(4), Wish::Stop), Some(Step::Ask));
        assert_eq!(ladder.climb(at(13), Wish::Stop), None);
        assert_eq!((ladder.reason(), ladder.killed()), (Some(StopReason::Requested), false));
        assert_eq!(ladder.climb(at(14), Wish::Stop), Some(Step::Kill));
        assert_eq!(ladder.climb(at(99), Wish::Stop), None);
        assert!(ladder.killed());
    }

    #[test]
    fn an_end_now_does_not_wait_for_the_grace() {
        let mut ladder = ladder(10.0, None);
        assert_eq!(ladder.climb(at(1), Wish::End), Some(Step::Ask));
        assert_eq!(ladder.climb(at(1), Wish::End), Some(Step::Kill));
        assert_eq!(ladder.climb(at(2), Wish::End), None);
    }

    #[test]
    fn the_time_limit_stops_as_a_request_does() {
        let mut ladder = ladder(0.0, Some(5.0));
        assert_eq!(ladder.climb(at(4), Wish::GoOn), None);
        assert_eq!(ladder.climb(at(5), Wish::GoOn), Some(Step::Ask));
        assert_eq!(ladder.climb(at(5), Wish::Stop), Some(Step::Kill));
        assert_eq!(ladder.reason(), Some(StopReason::TimeLimit));
    }

    #[test]
    fn odd_lengths_of_time_do_no_harm() {
        assert_eq!(seconds(-1.0), Duration::ZERO);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
        assert_eq!(seconds(f64::INFINITY), Duration::MAX);
        let mut ladder = ladder(f64::INFINITY, None);
        assert_eq!(ladder.climb(at(1), Wish::Stop), Some(Step::Ask));
        assert_eq!(ladder.climb(at(u64::MAX - 1), Wish::Stop), None);
    }
}
