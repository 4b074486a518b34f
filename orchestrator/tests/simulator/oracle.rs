//! What must follow from a trial's true past: the retry policy once more, in other words than the
//! core's and from the whole past at once, so that the two can be held against each other.

use experiments::schema::file::Retry;

/// How an attempt truly ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Exit code 0, recorded.
    Success,
    /// By no fault of the worker: its holder was lost, it was killed or stopped.
    Interrupted,
    /// By itself, after this step, if it came to one.
    Crashed(Option<u64>),
    /// The GPU had no memory left.
    OutOfMemory,
    /// In a way that trying again does not mend; the class.
    Hopeless(&'static str),
}

/// An attempt that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) end: End,
    /// The furthest checkpoint that it saved.
    pub(crate) saved: Option<u64>,
    /// Whether a person had asked for its stop.
    pub(crate) by_person: bool,
}

/// What must follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Follows {
    Done,
    GivenUp(&'static str),
    /// Another attempt, after so many milliseconds at least.
    Again(i64),
}

/// So many interrupted attempts since the last that saved a new checkpoint are enough.
const ENOUGH: usize = 5;

/// What follows from the last of these attempts.
pub(crate) fn follows(tried: &[Tried], retry: &Retry, shares_gpu: bool) -> Follows {
    let (last, before) = tried.split_last().unwrap();
    match last.end {
        End::Success => Follows::Done,
        End::Hopeless(class) => Follows::GivenUp(class),
        End::OutOfMemory if shares_gpu && !ran_out_of_memory(before) => Follows::Again(0),
        End::OutOfMemory => Follows::GivenUp("cuda-oom"),
        End::Interrupted if last.by_person => Follows::Again(0),
        End::Interrupted => {
            let row = &tried[last_new_checkpoint(tried).map_or(0, |at| at + 1)..];
            let row = row.iter().filter(|t| t.end == End::Interrupted && !t.by_person).count();
            if row >= ENOUGH {
                return Follows::GivenUp("no-progress");
            }
            Follows::Again(wait_ms(retry, row.max(1)))
        }
        End::Crashed(step) => {
            let crashes = before.iter().map(|t| t.end);
            let crashes: Vec<_> = crashes.filter(|end| matches!(end, End::Crashed(_))).collect();
            let same = step.is_some() && crashes.last() == Some(&last.end);
            if same || crashes.len() + 1 >= retry.attempts as usize {
                return Follows::GivenUp("crashed");
            }
            Follows::Again(wait_ms(retry, crashes.len() + 1))
        }
    }
}

/// Whether one of them found a GPU's memory full: then the next gets a GPU for itself.
pub(crate) fn ran_out_of_memory(tried: &[Tried]) -> bool {
    tried.iter().any(|t| t.end == End::OutOfMemory)
}

/// The last attempt that came further than all before it.
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
