//! How a run ended, in words and as an exit code: the same from every verb that sees it end.

use experiments::protocol::exit;

use crate::display::text::columns;
use crate::run_dir::RunDir;
use crate::scheduler::{State, StopRequest};
use crate::store::TrialRecord;
use experiments::protocol::trial_id::TrialId;

/// Failed trials that are listed at most; the others are counted.
const LISTED: usize = 20;

/// A run that is over.
pub(super) struct Summary {
    /// The run's name.
    pub(super) run: String,
    /// How many trials the file asks for.
    pub(super) of: usize,
    /// How many of them have succeeded.
    pub(super) done: usize,
    /// Those that were given up, each with its state.
    pub(super) failed: Vec<(TrialId, State)>,
    /// How many a person has had stopped.
    pub(super) cancelled: usize,
    /// Whether it ended before all that was to be run had ended.
    pub(super) interrupted: bool,
    /// How many of the trials are recorded as running: their supervisor did not live to see their
    /// end.
    pub(super) forsaken: usize,
}

impl Summary {
    /// Of a run that nobody supervises, by the records of what it was to carry out.
    pub(super) fn of_records(
        dir: &RunDir,
        trials: &[TrialRecord],
        stopping: Option<StopRequest>,
    ) -> Self {
        let states = || trials.iter().map(|trial| (&trial.id, &trial.state));
        let count = |wanted: fn(&State) -> bool| states().filter(|(_, s)| wanted(s)).count();
        let done = count(|state| matches!(state, State::Succeeded { .. }));
        let failed = states().filter(|(_, state)| matches!(state, State::Failed { .. }));
        let failed: Vec<_> = failed.map(|(id, state)| (id.clone(), state.clone())).collect();
        let cancelled = count(|state| matches!(state, State::Cancelled { .. }));
        let forsaken = count(|state| state.active_attempt().is_some());
        let left = trials.len() - done - failed.len() - cancelled;
        // As who ran it saw it: to give up after failures is no interruption.
        let interrupted = match stopping {
            Some(StopRequest::ByUser(_)) => true,
            Some(StopRequest::TooManyFailures) if !failed.is_empty() => forsaken > 0,
            _ => left > 0 || (cancelled > 0 && failed.is_empty()),
        };
        Self { run: dir.name(), of: trials.len(), done, failed, cancelled, interrupted, forsaken }
    }

    /// The truth as an exit code.
    pub(super) fn code(&self) -> u8 {
        match (self.interrupted, self.failed.len()) {
            (true, _) => exit::INTERRUPTED,
            (false, 0) => exit::OK,
            (false, _) => exit::SOME_FAILED,
        }
    }

    /// The same in words, with every failure's class and what tells more about it.
    pub(super) fn to_text(&self) -> String {
        let Self { run, of, done, failed, cancelled, interrupted, forsaken } = self;
        let count = failed.len();
        let failures = if count == 0 { String::new() } else { format!(", {count} failed") };
        let stopped = match cancelled {
            0 => String::new(),
            n => format!(", {n} cancelled"),
        };
        let died = match forsaken {
            0 => String::new(),
            n => format!(", {n} under way when the supervisor died"),
        };
        let then = match (interrupted, count) {
            (true, _) => "; run the file again to go on".to_owned(),
            (false, 0) => format!("; `orch report {run}` draws them"),
            (false, _) => ":".to_owned(),
        };
        let mut lines = vec![format!("{done} of {of} trials done{failures}{stopped}{died}{then}")];
        let rows: Vec<_> = failed
            .iter()
            .take(LISTED)
            .map(|(id, state)| {
                let reason = state.reason();
                let first = reason.lines().next().unwrap_or_default().to_owned();
                [format!("  {id}"), first, format!("orch why {id}")]
            })
            .collect();
        lines.extend(columns(&rows));
        if count > LISTED {
            lines.push(format!("  and {} more; `orch status` lists them", count - LISTED));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use experiments::protocol::failure::FailureClass;

    use super::*;

    fn summary(failed: usize, interrupted: bool) -> Summary {
        let state =
            State::Failed { attempt: 1, class: FailureClass::Data, message: "no\nfaces".into() };
        let trial = |n| (TrialId(format!("a-s{n}")), state.clone());
        let failed = (0..failed).map(trial).collect();
        Summary {
            run: "trip".to_owned(),
            of: 40,
            done: 9,
            failed,
            interrupted,
            cancelled: 0,
            forsaken: 0,
        }
    }

    #[test]
    fn the_code_tells_the_worst() {
        let code = |failed, interrupted| summary(failed, interrupted).code();
        assert_eq!(
            [code(0, false), code(1, false), code(0, true), code(1, true)],
            [0, 1, 130, 130]
        );
    }

    #[test]
    fn failures_are_listed_with_what_tells_more_and_long_lists_are_cut() {
        let text = summary(2, false).to_text();
        let lines = ["9 of 40 trials done, 2 failed:", "  a-s0  data: no  orch why a-s0"];
        assert_eq!(text.lines().take(2).collect::<Vec<_>>(), lines);
        let text = summary(22, true).to_text();
        assert!(text.starts_with("9 of 40 trials done, 22 failed; run the file again"), "{text}");
        assert!(text.ends_with("and 2 more; `orch status` lists them"), "{text}");
        assert_eq!(text.lines().count(), 22);
    }
}
