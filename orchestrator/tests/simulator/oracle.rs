//! The oracle: the retry policy a second time, written differently from the core's and computed from
//! a trial's whole true past at once, so that the two can be compared.

use experiments::schema::file::Retry;

/// The true end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Exit code 0, recorded.
    Success,
    /// By no fault of the worker: its holder was lost, it was killed or stopped.
    Interrupted,
    /// By itself, after this step; `None` before its first step.
    Crashed(Option<u64>),
    /// The GPU had no memory left.
    OutOfMemory,
    /// By a permanent failure of this class.
    Permanent(&'static str),
}

/// An attempt that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) end: End,
    /// The step of its last checkpoint.
    pub(crate) saved: Option<u64>,
    /// True if a user requested its stop.
    pub(crate) by_user: bool,
}

/// The decision that must follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Succeeded,
    Failed(&'static str),
    /// Another attempt, not before so many milliseconds have passed.
    Retried(i64),
}

/// A trial fails after so many interrupted attempts since the last that saved a new checkpoint.
const MAX_INTERRUPTIONS: usize = 5;

/// The decision after the last of these attempts.
pub(crate) fn expected_state(tried: &[Tried], retry: &Retry, shares_gpu: bool) -> Expected {
    let (last, before) = tried.split_last().unwrap();
    match last.end {
        End::Success => Expected::Succeeded,
        End::Permanent(class) => Expected::Failed(class),
        End::OutOfMemory if shares_gpu && !ran_out_of_memory(before) => Expected::Retried(0),
        End::OutOfMemory => Expected::Failed("cuda-oom"),
        End::Interrupted if last.by_user => Expected::Retried(0),
        End::Interrupted => {
            let row = &tried[last_new_checkpoint(tried).map_or(0, |at| at + 1)..];
            let row = row.iter().filter(|t| t.end == End::Interrupted && !t.by_user).count();
            if row >= MAX_INTERRUPTIONS {
                return Expected::Failed("no-progress");
            }
            Expected::Retried(wait_ms(retry, row.max(1)))
        }
        End::Crashed(step) => {
            let crashes = before.iter().map(|t| t.end);
            let crashes: Vec<_> = crashes.filter(|end| matches!(end, End::Crashed(_))).collect();
            let same = step.is_some() && crashes.last() == Some(&last.end);
            if same || crashes.len() + 1 >= retry.attempts as usize {
                return Expected::Failed("crashed");
            }
            Expected::Retried(wait_ms(retry, crashes.len() + 1))
        }
    }
}

/// True if one of them ran out of GPU memory: then the next gets a GPU for itself.
pub(crate) fn ran_out_of_memory(tried: &[Tried]) -> bool {
    tried.iter().any(|t| t.end == End::OutOfMemory)
}

/// The index of the last attempt that saved a later checkpoint than all before it.
fn last_new_checkpoint(tried: &[Tried]) -> Option<usize> {
    (0..tried.len()).rev().find(|at| {
        let furthest = tried[..*at].iter().filter_map(|t| t.saved).max();
        tried[*at].saved.is_some_and(|saved| furthest.is_none_or(|furthest| saved > furthest))
    })
}

/// The wait doubles each time, ten times at most.
fn wait_ms(retry: &Retry, times: usize) -> i64 {
    let first_ms = i64::try_from(retry.backoff.0.as_millis()).unwrap();
    first_ms << (times - 1).min(10)
}
