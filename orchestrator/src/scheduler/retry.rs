//! What follows when an attempt ends: the trial is done, given up, or tried again.

use std::time::Duration;

use experiments::protocol::exit::{WORKER_CONFIG_WRONG, WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::failure::{Failure, FailureClass};
use experiments::schema::file::Retry;

use super::{History, Policy, StopCause};
use crate::run_dir::attempt::{Exit, Outcome, StopSource};

/// So many attempts in a row that were interrupted and saved no new checkpoint are enough.
const PATIENCE: u32 = 5;

/// How an attempt ended, as far as anybody can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The holder recorded it; `failure` is what the worker itself reported.
    Recorded {
        /// The holder's record.
        exit: Exit,
        /// The worker's `failed` event, if it sent one.
        failure: Option<Failure>,
    },
    /// The holder is gone and left no record: it was killed, or the machine went down. What more is
    /// known, for people, or nothing.
    Lost(String),
    /// The executor did not take it, for this reason, and nothing ran.
    NotTaken(String),
    /// No holder ever took it up; the reason if there was one.
    NeverStarted(String),
}

impl Ending {
    /// How long the attempt took, as far as that is recorded. Clocks may have been set meanwhile.
    pub fn took_ms(&self) -> f64 {
        match self {
            Self::Recorded { exit, .. } => (exit.ended_ms - exit.started_ms).max(0) as f64,
            Self::Lost(_) | Self::NotTaken(_) | Self::NeverStarted(_) => 0.0,
        }
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The trial is done.
    Succeeded,
    /// Another attempt, after a wait.
    Again {
        /// Why, for people.
        reason: String,
        /// How long to wait.
        after: Duration,
    },
    /// The trial is given up.
    Failed {
        /// Sort of failure.
        class: FailureClass,
        /// What happened.
        message: String,
    },
}

/// Sorts an ending into its class and applies the policy for that class. A stop that a person
/// asked for, as `cause` says, is nothing to remember.
pub fn judge(
    ending: &Ending,
    cause: Option<StopCause>,
    history: &mut History,
    policy: &Policy,
) -> Verdict {
    let (shares_gpu, policy) = (policy.shares_gpu, &policy.retry);
    let interrupted = |reason: &str, history: &mut History| match cause {
        Some(StopCause::Stalled) => {
            interrupted("stalled: nothing was heard of it", history, policy)
        }
        Some(StopCause::Retired | StopCause::Interrupted | StopCause::Cancelled) => {
            Verdict::Again { reason: reason.to_owned(), after: Duration::ZERO }
        }
        None => interrupted(reason, history, policy),
    };
    let (class, message) = match ending {
        Ending::Lost(more) => return interrupted(&lost(more), history),
        // When something is submitted again is for the executor to say.
        Ending::NotTaken(why) => {
            return Verdict::Again { reason: why.clone(), after: Duration::ZERO };
        }
        Ending::NeverStarted(why) => return interrupted(why, history),
        Ending::Recorded { exit, failure } => match &exit.outcome {
            Outcome::Exited { code: WORKER_DONE } => return Verdict::Succeeded,
            _ if exit.stop == Some(StopSource::TimeLimit) => {
                return interrupted("its time limit was over", history);
            }
            Outcome::Exited { code: WORKER_STOPPED } => {
                return interrupted("stopped after a checkpoint", history);
            }
            _ if exit.stop == Some(StopSource::Requested) => {
                return interrupted("stopped", history);
            }
            // A worker whose disk is full often cannot even say so.
            Outcome::Exited { code } if *code == WORKER_CONFIG_WRONG => reported(failure)
                .unwrap_or((FailureClass::Config, "the config is wrong".to_owned())),
            _ if exit.disk_full && failure.is_none() => {
                return interrupted("the disk was full", history);
            }
            Outcome::NotStarted { message } => (FailureClass::NotStarted, message.clone()),
            Outcome::Signalled { signal: 9 } => {
                return interrupted("killed by the system or by hand", history);
            }
            Outcome::Exited { code } => reported(failure).unwrap_or_else(|| {
                (FailureClass::Crashed, format!("the worker exited with code {code}"))
            }),
            Outcome::Signalled { signal } => {
                (FailureClass::Crashed, format!("the worker was ended by signal {signal}"))
            }
        },
    };
    match class {
        FailureClass::Infrastructure => interrupted(&message, history),
        FailureClass::CudaOom if shares_gpu && !history.alone => {
            history.alone = true;
            let reason = format!("{message}; once more with a whole GPU");
            Verdict::Again { reason, after: Duration::ZERO }
        }
        FailureClass::Config
        | FailureClass::Data
        | FailureClass::Diverged
        | FailureClass::NotStarted
        | FailureClass::CudaOom => Verdict::Failed { class, message },
        FailureClass::Crashed
        | FailureClass::CpuOom
        | FailureClass::NoProgress
        | FailureClass::Other(_) => crashed(class, message, history, policy),
    }
}

fn reported(failure: &Option<Failure>) -> Option<(FailureClass, String)> {
    failure.clone().map(|Failure { class, message }| (class, message))
}

fn lost(more: &str) -> String {
    let colon = if more.is_empty() { "" } else { ": " };
    format!("its holder was lost{colon}{more}")
}

/// Nobody's fault: again without using up an attempt, while checkpoints advance.
fn interrupted(reason: &str, history: &mut History, policy: &Retry) -> Verdict {
    if !history.advanced {
        history.interruptions += 1;
    }
    if history.interruptions >= PATIENCE {
        return Verdict::Failed {
            class: FailureClass::NoProgress,
            message: format!(
                "interrupted {PATIENCE} times without a new checkpoint; last: {reason}"
            ),
        };
    }
    let after = backoff(policy, history.interruptions);
    Verdict::Again { reason: format!("{reason}; will go on"), after }
}

/// The worker's fault: again while attempts are left, unless it crashed there before.
fn crashed(class: FailureClass, message: String, history: &mut History, policy: &Retry) -> Verdict {
    history.failures += 1;
    let before = std::mem::replace(&mut history.last_crash, history.last_step);
    if let (Some(before), Some(now)) = (before, history.last_step)
        && before == now
    {
        let message = format!("{message}, twice at step {now}");
        return Verdict::Failed { class, message };
    }
    if history.failures >= policy.attempts {
        return Verdict::Failed { class, message };
    }
    let reason = format!("{message}; attempt {} of {} failed", history.failures, policy.attempts);
    Verdict::Again { reason, after: backoff(policy, history.failures) }
}

fn backoff(policy: &Retry, times: u32) -> Duration {
    policy.backoff.0.saturating_mul(2u32.saturating_pow(times.saturating_sub(1).min(10)))
}

#[cfg(test)]
mod tests {
    use experiments::schema::file::AfterStall;

    use super::*;

    fn policy() -> Policy {
        let (retry, after_stall) = (Retry::default(), AfterStall::Flag);
        Policy { retry, jobs: 1, max_fails: None, after_stall, shares_gpu: true }
    }

    fn exit(outcome: Outcome) -> Exit {
        Exit {
            outcome,
            stop: None,
            killed: false,
            orphans: 0,
            disk_full: false,
            started_ms: 0,
            ended_ms: 1,
        }
    }

    fn ended(code: i32) -> Ending {
        Ending::Recorded { exit: exit(Outcome::Exited { code }), failure: None }
    }

    fn reports(code: i32, class: &str) -> Ending {
        let words =
            Some(Failure { class: class.to_owned().into(), message: "so it was".to_owned() });
        Ending::Recorded { exit: exit(Outcome::Exited { code }), failure: words }
    }

    fn class_of(verdict: Verdict) -> String {
        match verdict {
            Verdict::Failed { class, .. } => class.into(),
            other => panic!("not failed: {other:?}"),
        }
    }

    #[test]
    fn some_failures_are_final_at_once() {
        let policy = policy();
        for (ending, class) in [
            (ended(64), "config"),
            (reports(64, "config"), "config"),
            (reports(1, "data"), "data"),
            (reports(1, "diverged"), "diverged"),
        ] {
            assert_eq!(class_of(judge(&ending, None, &mut History::default(), &policy)), class);
        }
    }

    #[test]
    fn crashes_use_up_attempts_with_growing_waits() {
        let policy = policy();
        let mut history = History::default();
        let mut waits = Vec::new();
        for step in [5, 6] {
            history.reached(step);
            let Verdict::Again { after, .. } = judge(&ended(1), None, &mut history, &policy) else {
                panic!("given up too early");
            };
            waits.push(after.as_secs());
        }
        assert_eq!(waits, [10, 20]);
        history.reached(7);
        assert_eq!(class_of(judge(&ended(1), None, &mut history, &policy)), "crashed");
    }

    #[test]
    fn who_fails_on_a_full_disk_is_not_to_blame_unless_it_says_so() {
        let policy = policy();
        let mut ending = ended(101);
        let Ending::Recorded { exit, .. } = &mut ending else { unreachable!("made above") };
        exit.disk_full = true;
        let mut history = History::default();
        let verdict = judge(&ending, None, &mut history, &policy);
        assert!(
            matches!(verdict, Verdict::Again { reason, .. } if reason.contains("disk was full"))
        );
        assert_eq!(history.failures, 0);
        let Ending::Recorded { exit, failure } = &mut ending else { unreachable!("made above") };
        *failure = Some(Failure { class: FailureClass::Diverged, message: String::new() });
        let exit_of_success = Exit { outcome: Outcome::Exited { code: 0 }, ..exit.clone() };
        assert_eq!(class_of(judge(&ending, None, &mut history, &policy)), "diverged");
        let done = Ending::Recorded { exit: exit_of_success, failure: None };
        assert_eq!(judge(&done, None, &mut history, &policy), Verdict::Succeeded);
    }

    #[test]
    fn a_crash_at_the_same_step_twice_is_final() {
        let mut history = History::default();
        history.reached(5);
        assert!(matches!(judge(&ended(139), None, &mut history, &policy()), Verdict::Again { .. }));
        history.reached(5);
        let Verdict::Failed { message, .. } = judge(&ended(139), None, &mut history, &policy())
        else {
            panic!("tried a third time");
        };
        assert_eq!(message, "the worker exited with code 139, twice at step 5");
    }

    #[test]
    fn a_crash_before_the_first_step_is_not_one_at_the_earlier_attempt_s_step() {
        let mut history = History::default();
        history.reached(5);
        for _ in 0..2 {
            let verdict = judge(&ended(1), None, &mut history, &policy());
            assert!(matches!(verdict, Verdict::Again { .. }));
            history.started();
        }
        assert_eq!(class_of(judge(&ended(1), None, &mut history, &policy())), "crashed");
    }

    #[test]
    fn interruptions_are_free_while_checkpoints_advance() {
        let policy = policy();
        let mut history = History::default();
        for step in 1..100 {
            history.started();
            history.checkpointed(step);
            assert!(matches!(
                judge(&Ending::Lost(String::new()), None, &mut history, &policy),
                Verdict::Again { .. }
            ));
        }
        for _ in 1..PATIENCE {
            history.started();
            assert!(matches!(
                judge(&Ending::Lost(String::new()), None, &mut history, &policy),
                Verdict::Again { .. }
            ));
        }
        history.started();
        assert_eq!(
            class_of(judge(&Ending::Lost(String::new()), None, &mut history, &policy)),
            "no-progress"
        );
    }

    #[test]
    fn five_interruptions_in_a_row_without_any_checkpoint_are_enough() {
        let mut history = History::default();
        let verdicts = (0..PATIENCE).map(|_| {
            history.started();
            judge(&Ending::Lost(String::new()), None, &mut history, &policy())
        });
        let given_up = verdicts.map(|verdict| matches!(verdict, Verdict::Failed { .. }));
        assert_eq!(given_up.collect::<Vec<_>>(), [false, false, false, false, true]);
    }

    #[test]
    fn what_the_executor_does_not_take_is_not_remembered() {
        let mut history = History::default();
        for _ in 0..100 {
            history.started();
            let not_taken = Ending::NotTaken("the queue is full".to_owned());
            let verdict = judge(&not_taken, None, &mut history, &policy());
            assert!(matches!(verdict, Verdict::Again { after: Duration::ZERO, .. }));
        }
        assert_eq!(history, History::default());
    }

    #[test]
    fn a_requested_stop_is_never_a_failure() {
        for outcome in [
            Outcome::Exited { code: 75 },
            Outcome::Exited { code: 1 },
            Outcome::Signalled { signal: 15 },
            Outcome::NotStarted { message: "stopped before it began".to_owned() },
        ] {
            let exit = Exit { stop: Some(StopSource::Requested), ..exit(outcome) };
            let ending = Ending::Recorded { exit, failure: None };
            let verdict = judge(&ending, None, &mut History::default(), &policy());
            assert!(matches!(verdict, Verdict::Again { .. }), "{ending:?}");
        }
    }

    #[test]
    fn a_full_gpu_is_tried_once_more_without_others_beside() {
        let full = reports(1, "cuda-oom");
        for (shares_gpu, again) in [(true, 1), (false, 0)] {
            let (policy, mut history) = (Policy { shares_gpu, ..policy() }, History::default());
            for _ in 0..again {
                let verdict = judge(&full, None, &mut history, &policy);
                assert!(matches!(verdict, Verdict::Again { .. }));
                assert!(history.alone);
            }
            assert_eq!(class_of(judge(&full, None, &mut history, &policy)), "cuda-oom");
        }
    }

    #[test]
    fn a_person_s_stop_is_not_remembered_and_one_for_a_stall_is() {
        let stopped = Exit {
            stop: Some(StopSource::Requested),
            ..exit(Outcome::Exited { code: WORKER_STOPPED })
        };
        let stopped = Ending::Recorded { exit: stopped, failure: None };
        for (cause, interruptions) in [
            (StopCause::Cancelled, 0),
            (StopCause::Interrupted, 0),
            (StopCause::Retired, 0),
            (StopCause::Stalled, 1),
        ] {
            let mut history = History::default();
            judge(&stopped, Some(cause), &mut history, &policy());
            assert_eq!(history.interruptions, interruptions, "{cause:?}");
        }
    }

    #[test]
    fn exit_code_zero_is_the_only_success() {
        let mut history = History::default();
        assert_eq!(judge(&ended(0), None, &mut history, &policy()), Verdict::Succeeded);
        let killed =
            Ending::Recorded { exit: exit(Outcome::Signalled { signal: 9 }), failure: None };
        for ending in
            [ended(75), killed, Ending::Lost(String::new()), Ending::NeverStarted(String::new())]
        {
            assert_ne!(judge(&ending, None, &mut history, &policy()), Verdict::Succeeded);
        }
    }
}
