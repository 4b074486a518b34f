//! The end of a run as text and as an exit code, the same from every verb that sees it end.

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;

use crate::display::text::columns;
use crate::run_dir::RunDir;
use crate::scheduler::{State, StopRequest};
use crate::store::TrialRecord;

/// Limit of the failed trials that are listed; the others are counted.
const LISTED: usize = 20;

/// The end of a run.
pub(super) struct Summary {
    /// The run, for the hint to draw its report.
    pub(super) run: String,
    /// Trials that the file asks for.
    pub(super) of: usize,
    /// Trials that have succeeded.
    pub(super) done: usize,
    /// Trials that were given up, with the state that says why.
    pub(super) failed: Vec<(TrialId, State)>,
    /// Trials that a user has stopped.
    pub(super) cancelled: usize,
    /// True if some trials were still to be run.
    pub(super) interrupted: bool,
    /// Trials that are recorded as running: their supervisor died before they ended.
    pub(super) orphaned: usize,
}

impl Summary {
    /// The summary of a run without a supervisor, from the records of the trials it was to run.
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
        let orphaned = count(|state| state.active_attempt().is_some());
        let left = trials.len() - done - failed.len() - cancelled;
        // As its supervisor reported it: a run that ends after too many failures was not interrupted.
        let interrupted = match stopping {
            Some(StopRequest::ByUser(_)) => true,
            Some(StopRequest::TooManyFailures) if !failed.is_empty() => orphaned > 0,
            _ => left > 0 || (cancelled > 0 && failed.is_empty()),
        };
        Self { run: dir.name(), of: trials.len(), done, failed, cancelled, interrupted, orphaned }
    }

    /// The exit code of the verb.
    pub(super) fn code(&self) -> u8 {
        match (self.interrupted, self.failed.len()) {
            (true, _) => exit::INTERRUPTED,
            (false, 0) => exit::OK,
            (false, _) => exit::SOME_FAILED,
        }
    }

    /// A line of counts, then a line for each failure with its class and where to read more.
    pub(super) fn to_text(&self) -> String {
        let Self { run, of, done, failed, cancelled, interrupted, orphaned } = self;
        let count = failed.len();
        let failures = if count == 0 { String::new() } else { format!(", {count} failed") };
        let stopped = match cancelled {
            0 => String::new(),
            n => format!(", {n} cancelled"),
        };
        let died = match orphaned {
            0 => String::new(),
            n => format!(", {n} running when the supervisor died"),
        };
        let then = match (interrupted, count) {
            (true, _) => "; run the file again to resume".to_owned(),
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
            orphaned: 0,
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
