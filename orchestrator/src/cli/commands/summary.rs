//! The end of a run as text and as an exit code, the same from every verb that sees it end.

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;

use reports::metric_gaps::MetricGaps;

use super::causes::{self, SameCause};
use crate::display::text::{columns, named};
use crate::run_dir::RunDir;
use crate::scheduler::{State, StopRequest};
use crate::store::TrialRecord;

/// Limit of the causes of failures that are listed; trials with others are counted.
const LISTED: usize = 20;

/// The end of a run.
pub(super) struct Summary {
    /// The run, for the hint to draw its report.
    pub(super) run: String,
    /// Trials that the file asks for.
    pub(super) of: usize,
    /// Trials that have succeeded.
    pub(super) done: usize,
    /// Trials that were given up, by cause; where the run ended because its first trials failed the same
    /// way, those as well.
    pub(super) failed: Vec<SameCause<TrialId>>,
    /// Trials that a user has stopped.
    pub(super) cancelled: usize,
    /// True if some trials were still to be run.
    pub(super) interrupted: bool,
    /// Trials that are recorded as running: their supervisor died before they ended.
    pub(super) orphaned: usize,
    /// True if the run ended because its first trials failed the same way before their first event.
    pub(super) same_failure: bool,
    /// The metrics that the report needs and succeeded trials do not report.
    pub(super) gaps: MetricGaps,
}

impl Summary {
    /// The summary of a run without a supervisor, from the records of the trials it was to run.
    pub(super) fn of_records(
        dir: &RunDir,
        trials: &[TrialRecord],
        stopping: Option<StopRequest>,
        gaps: MetricGaps,
    ) -> Self {
        let states = || trials.iter().map(|trial| (&trial.id, &trial.state));
        let count = |wanted: fn(&State) -> bool| states().filter(|(_, s)| wanted(s)).count();
        let done = count(|state| matches!(state, State::Succeeded { .. }));
        let same_failure = stopping == Some(StopRequest::SameFailure);
        let failed = causes::failures(dir, trials.iter(), same_failure);
        let cancelled = count(|state| matches!(state, State::Cancelled { .. }));
        let orphaned = count(|state| state.active_attempt().is_some());
        let left = trials.len() - done - count_all(&failed) - cancelled;
        // As its supervisor reported it: a run that ends after too many failures was not interrupted.
        let interrupted = match stopping {
            Some(StopRequest::ByUser(_)) => true,
            Some(StopRequest::TooManyFailures) if !failed.is_empty() => orphaned > 0,
            Some(StopRequest::SameFailure) => orphaned > 0,
            _ => left > 0 || (cancelled > 0 && failed.is_empty()),
        };
        let (run, of) = (dir.name(), trials.len());
        Self { run, of, done, failed, cancelled, interrupted, orphaned, same_failure, gaps }
    }

    /// The exit code of the verb.
    pub(super) fn code(&self) -> u8 {
        match (self.interrupted, self.failed.len()) {
            (true, _) => exit::INTERRUPTED,
            (false, 0) if self.gaps.is_incomplete() => exit::INCOMPLETE,
            (false, 0) => exit::OK,
            (false, _) => exit::SOME_FAILED,
        }
    }

    /// A line of counts, then a line for each cause of failures and where to read more.
    pub(super) fn to_text(&self) -> String {
        let Self { run, of, done, failed, cancelled, interrupted, orphaned, same_failure, .. } =
            self;
        let count = count_all(failed);
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
            (false, _) if *same_failure => {
                let others = of - done - cancelled - count;
                format!(", {others} wait until the cause is removed:")
            }
            (false, _) => ":".to_owned(),
        };
        let mut lines = vec![format!("{done} of {of} trials done{failures}{stopped}{died}{then}")];
        lines.extend(failure_lines(failed));
        lines.join("\n")
    }
}

fn count_all(groups: &[SameCause<TrialId>]) -> usize {
    groups.iter().map(|group| group.of.len()).sum()
}

/// A line for each cause, and one that names the trials where they are several.
fn failure_lines(failed: &[SameCause<TrialId>]) -> Vec<String> {
    let (listed, others) = failed.split_at(failed.len().min(LISTED));
    let rows: Vec<_> = listed
        .iter()
        .map(|SameCause { cause, of }| {
            let who = match &of[..] {
                [one] => one.to_string(),
                several => format!("{} trials", several.len()),
            };
            [format!("  {who}"), cause.clone(), format!("orch why {}", of[0])]
        })
        .collect();
    let mut lines = Vec::new();
    for (line, SameCause { of, .. }) in columns(&rows).into_iter().zip(listed) {
        lines.push(line);
        if of.len() > 1 {
            lines.push(format!("    {}", named(of.iter().map(|id| id.0.as_str()))));
        }
    }
    let more = count_all(others);
    if more > 0 {
        lines.push(format!("  and {more} more; `orch status` lists them"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trials that failed, so many by each of some causes.
    fn summary(failed: &[usize], interrupted: bool) -> Summary {
        let group = |(at, count): (usize, &usize)| SameCause {
            cause: format!("data: no {at}"),
            of: (0..*count).map(|n| TrialId(format!("v{at}-s{n}"))).collect(),
        };
        Summary {
            run: "trip".to_owned(),
            of: 40,
            done: 9,
            failed: failed.iter().enumerate().map(group).collect(),
            interrupted,
            cancelled: 0,
            orphaned: 0,
            same_failure: false,
            gaps: MetricGaps::default(),
        }
    }

    #[test]
    fn the_code_tells_the_worst() {
        let code = |failed: &[usize], interrupted| summary(failed, interrupted).code();
        assert_eq!(
            [code(&[], false), code(&[1], false), code(&[], true), code(&[1], true)],
            [0, 1, 130, 130]
        );
    }

    #[test]
    fn failures_are_listed_by_cause_with_what_tells_more_and_long_lists_are_cut() {
        let text = summary(&[2, 1], false).to_text();
        let lines = [
            "9 of 40 trials done, 3 failed:",
            "  2 trials  data: no 0  orch why v0-s0",
            "    v0-s0, v0-s1",
            "  v1-s0     data: no 1  orch why v1-s0",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        let text = summary(&[1; 22], true).to_text();
        assert!(text.starts_with("9 of 40 trials done, 22 failed; run the file again"), "{text}");
        assert!(text.ends_with("and 2 more; `orch status` lists them"), "{text}");
        assert_eq!(text.lines().count(), 22);
    }
}
