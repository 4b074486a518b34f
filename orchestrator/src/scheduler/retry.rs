//! The retry policy: after an attempt's end the trial has succeeded, has failed, or is tried again.
//!
//! Its rules, each of which is a function or a constant here:
//!
//! - a full disk costs no attempt: [`failed_on_a_full_disk`];
//! - an interruption costs no attempt, unless the trial was interrupted without progress five times:
//!   [`after_interruption`], [`MAX_INTERRUPTIONS_WITHOUT_PROGRESS`];
//! - a worker that cannot be started is an interruption if that may pass: `Outcome::NotStarted`;
//! - an end at the time limit is an interruption if a checkpoint was saved, and else costs an attempt, for
//!   the next would end alike: [`ran_out_of_time`];
//! - exit code 0 after a request to stop is a success only with a result: `Exit::stopped_early`;
//! - a stop that a person requested is not counted at all: [`is_requested_by_a_person`];
//! - a trial that crashed twice at the same step has failed: [`crashed_twice_at_the_same_step`];
//! - out of GPU memory on a shared GPU, it gets a whole one once: [`after_cuda_oom`].

use std::time::Duration;

use experiments::protocol::exit::{WORKER_CONFIG_WRONG, WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::failure::{Failure, FailureClass};
use experiments::schema::file::Retry;

use super::history::History;
use super::{AttemptEnd, Policy, StopCause};
use crate::run_dir::attempt::{Exit, Outcome, StopSource};

/// Interrupted so many times in a row without progress, which is a new checkpoint, a trial fails.
pub(super) const MAX_INTERRUPTIONS_WITHOUT_PROGRESS: u32 = 5;

/// The consequence of an attempt's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RetryDecision {
    /// The trial has succeeded.
    Succeeded,
    /// The trial needs another attempt.
    Retry {
        /// The end of this one, for people.
        reason: String,
        /// Shortest wait before the next attempt.
        after: Duration,
    },
    /// The trial has failed.
    Failed {
        /// The class of the last failure.
        class: FailureClass,
        /// For people.
        message: String,
    },
}

/// An attempt's end by whose fault it was.
enum Fault {
    /// It succeeded.
    None,
    /// The executor's, before anything ran.
    Executor { reason: String },
    /// Not the worker's: it was stopped, killed or lost.
    Interruption { reason: String },
    /// The worker's.
    Worker { class: FailureClass, message: String },
}

/// Applies the policy to the `end` of an attempt that was asked to stop for `cause`, and remembers in
/// `history` what counts.
pub(super) fn decide(
    end: &AttemptEnd,
    cause: Option<StopCause>,
    history: &mut History,
    policy: &Policy,
) -> RetryDecision {
    match fault(end) {
        Fault::None => RetryDecision::Succeeded,
        // The executor decides when it accepts attempts again.
        Fault::Executor { reason } => RetryDecision::Retry { reason, after: Duration::ZERO },
        Fault::Interruption { reason } if cause.is_some_and(is_requested_by_a_person) => {
            RetryDecision::Retry { reason, after: Duration::ZERO }
        }
        Fault::Interruption { .. } if ran_out_of_time(end) && !history.advanced => {
            let message = "its time limit was reached before a new checkpoint".to_owned();
            after_crash(FailureClass::NoProgress, message, history, &policy.retry)
        }
        Fault::Interruption { .. } if cause == Some(StopCause::Stalled) => {
            after_interruption("stalled: no events and no output", history, &policy.retry)
        }
        Fault::Interruption { reason } => after_interruption(&reason, history, &policy.retry),
        Fault::Worker { class, message } => match class {
            FailureClass::CudaOom => after_cuda_oom(message, history, policy.shares_gpu),
            FailureClass::Config
            | FailureClass::Data
            | FailureClass::Diverged
            | FailureClass::NotStarted => RetryDecision::Failed { class, message },
            FailureClass::Crashed
            | FailureClass::CpuOom
            | FailureClass::NoProgress
            | FailureClass::Infrastructure
            | FailureClass::Other(_) => after_crash(class, message, history, &policy.retry),
        },
    }
}

fn is_requested_by_a_person(cause: StopCause) -> bool {
    match cause {
        StopCause::Retired | StopCause::Interrupted | StopCause::Cancelled => true,
        StopCause::Stalled => false,
    }
}

/// True if the time limit ended it, and the worker does not say by its exit code that it saved a
/// checkpoint.
fn ran_out_of_time(end: &AttemptEnd) -> bool {
    matches!(end, AttemptEnd::Recorded { exit, .. }
        if exit.stop == Some(StopSource::TimeLimit)
            && exit.outcome != Outcome::Exited { code: WORKER_STOPPED })
}

fn fault(end: &AttemptEnd) -> Fault {
    match end {
        AttemptEnd::Recorded { exit, failure, .. } => fault_of_recorded(exit, failure.as_ref()),
        AttemptEnd::Lost(details) => {
            let colon = if details.is_empty() { "" } else { ": " };
            Fault::Interruption { reason: format!("its holder was lost{colon}{details}") }
        }
        AttemptEnd::Rejected(reason) => Fault::Executor { reason: reason.clone() },
        AttemptEnd::NeverStarted(reason) => Fault::Interruption { reason: reason.clone() },
    }
}

fn fault_of_recorded(exit: &Exit, failure: Option<&Failure>) -> Fault {
    let interruption = match &exit.outcome {
        Outcome::Exited { code: WORKER_DONE } if !exit.stopped_early => return Fault::None,
        _ if exit.stop == Some(StopSource::TimeLimit) => "its time limit was reached",
        Outcome::Exited { code: WORKER_STOPPED } => "stopped after a checkpoint",
        _ if exit.stop == Some(StopSource::Requested) => "stopped",
        Outcome::Exited { code: WORKER_CONFIG_WRONG } => {
            return reported(failure, FailureClass::Config, || "the config is wrong".to_owned());
        }
        _ if failed_on_a_full_disk(exit, failure) => "the disk was full",
        Outcome::Signalled { signal: 9 } => "killed by the system or manually",
        Outcome::NotStarted { message, transient: true } => message.as_str(),
        Outcome::NotStarted { message, transient: false } => {
            let (class, message) = (FailureClass::NotStarted, message.clone());
            return Fault::Worker { class, message };
        }
        Outcome::Exited { code } => {
            return reported(failure, FailureClass::Crashed, || {
                format!("the worker exited with code {code}")
            });
        }
        Outcome::Signalled { signal } => {
            let message = format!("the worker was ended by signal {signal}");
            return Fault::Worker { class: FailureClass::Crashed, message };
        }
    };
    Fault::Interruption { reason: interruption.to_owned() }
}

/// The failure that the worker reported, else `class` with `message`.
fn reported(
    failure: Option<&Failure>,
    class: FailureClass,
    message: impl FnOnce() -> String,
) -> Fault {
    match failure.cloned() {
        Some(Failure { class: FailureClass::Infrastructure, message }) => {
            Fault::Interruption { reason: message }
        }
        Some(Failure { class, message }) => Fault::Worker { class, message },
        None => Fault::Worker { class, message: message() },
    }
}

/// A full disk costs no attempt, unless the worker reported another failure: on a full disk it often
/// cannot report any.
fn failed_on_a_full_disk(exit: &Exit, failure: Option<&Failure>) -> bool {
    exit.disk_full && failure.is_none()
}

/// Not the worker's fault: tried again without using up an attempt, while checkpoints advance.
fn after_interruption(reason: &str, history: &mut History, policy: &Retry) -> RetryDecision {
    if !history.advanced {
        history.interruptions += 1;
    }
    if history.interruptions >= MAX_INTERRUPTIONS_WITHOUT_PROGRESS {
        let message = format!(
            "interrupted {MAX_INTERRUPTIONS_WITHOUT_PROGRESS} times without a new checkpoint; \
             last: {reason}"
        );
        return RetryDecision::Failed { class: FailureClass::NoProgress, message };
    }
    let after = backoff(policy, history.interruptions);
    RetryDecision::Retry { reason: format!("{reason}; will go on"), after }
}

fn after_cuda_oom(message: String, history: &mut History, shares_gpu: bool) -> RetryDecision {
    if !shares_gpu || history.needs_whole_gpus {
        return RetryDecision::Failed { class: FailureClass::CudaOom, message };
    }
    history.needs_whole_gpus = true;
    let reason = format!("{message}; once more with a whole GPU");
    RetryDecision::Retry { reason, after: Duration::ZERO }
}

/// The worker's fault: tried again while attempts are left.
fn after_crash(
    class: FailureClass,
    message: String,
    history: &mut History,
    policy: &Retry,
) -> RetryDecision {
    history.failures += 1;
    if let Some(step) = crashed_twice_at_the_same_step(history) {
        let message = format!("{message}, twice at step {step}");
        return RetryDecision::Failed { class, message };
    }
    if history.failures >= policy.attempts {
        return RetryDecision::Failed { class, message };
    }
    let reason = format!("{message} (failure {} of {})", history.failures, policy.attempts);
    RetryDecision::Retry { reason, after: backoff(policy, history.failures) }
}

/// The step, if the crash before this one was at the same. Remembers this one's.
fn crashed_twice_at_the_same_step(history: &mut History) -> Option<u64> {
    let before = std::mem::replace(&mut history.last_crash, history.last_step);
    history.last_step.filter(|step| before == Some(*step))
}

/// Doubled with each time.
fn backoff(policy: &Retry, times: u32) -> Duration {
    policy.backoff.0.saturating_mul(2u32.saturating_pow(times.saturating_sub(1).min(10)))
}
