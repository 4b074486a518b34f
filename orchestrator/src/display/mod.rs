//! The screen while a run goes on: a table that is redrawn on a terminal, one line per change
//! elsewhere. All of it goes to standard error.

mod eta;
mod event;
pub(crate) mod event_tail;
mod live;
pub(crate) mod outlook;
pub mod progress;
pub(crate) mod style;
pub(crate) mod table;
pub mod text;
pub(crate) mod time_spent;
pub(crate) mod trial_status;
pub(crate) mod trial_table;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use experiments::protocol::exit::{WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::trial_id::TrialId;

use self::progress::Progress;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::{AttemptDir, Outcome, StopMode};
use crate::run_dir::log_tail::LogEnd;
use crate::run_dir::ownership::{self, AttemptStatus};
use crate::scheduler::{SameFailure, State};

pub use event::{Reporter, RunEvent, TrialView};
use live::Live;
pub use trial_table::Headline;

/// The amount of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what went wrong.
    Quiet,
    /// The table on a terminal, lines elsewhere.
    Normal,
}

/// The display of one run.
#[derive(Debug)]
pub struct Display {
    verbosity: Verbosity,
    live: Option<Live>,
    /// True once a failure has been shown in full; later ones get a line each.
    failure_shown: bool,
    /// The last reason why no trial could be started, to report it once.
    blocked: Option<String>,
}

impl Display {
    /// A display on standard error, with a table if that is a terminal, of a run that was started `since`.
    /// `headline` names the metric that the table shows.
    pub fn new(verbosity: Verbosity, headline: Option<Headline>, since: Instant) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let live = verbosity == Verbosity::Normal && std::io::stderr().is_terminal() && !dumb;
        let live = live.then(|| Live::new(headline, since));
        Self { verbosity, live, failure_shown: false, blocked: None }
    }

    /// Ends the table, leaving nothing of it on the screen.
    pub fn finish(&mut self) {
        if let Some(live) = self.live.take() {
            live.clear();
        }
    }

    fn trial_changed(&mut self, run: &RunDir, trial: &TrialId, from: &State, to: &State) {
        let failed = matches!(to, State::Failed { .. });
        if matches!(to, State::Running { .. }) {
            self.blocked = None;
        }
        // A trial that waits is worth a line only if it was active before.
        let is_news = failed
            || (self.verbosity == Verbosity::Normal
                && !matches!(to, State::Starting { .. })
                && (from.active_attempt().is_some() || !matches!(to, State::Queued { .. })));
        let is_blocked =
            matches!(to, State::Queued { reason } if Some(reason) == self.blocked.as_ref());
        // The live table shows trials that do well.
        if !is_news || is_blocked || (self.live.is_some() && to.reason().is_empty()) {
            return;
        }
        let attempt = match to.active_attempt() {
            Some(attempt) if attempt > 1 => format!(" (attempt {attempt})"),
            _ => String::new(),
        };
        let colon = if to.reason().is_empty() { "" } else { ": " };
        let line = format!("{trial}: {}{attempt}{colon}{}", to.name(), to.reason());
        let ended = from.active_attempt().map(|number| run.attempt(trial, number));
        let has_succeeded = matches!(to, State::Succeeded { .. });
        let is_shown = self.failure_shown || has_succeeded;
        match ended.filter(|attempt| !is_shown && (failed || failed_by_itself(attempt))) {
            Some(attempt) => {
                self.failure_shown = true;
                self.print(&line);
                self.print_failure(&attempt, trial);
            }
            _ if failed => self.print(&format!("{line}; `orch why {trial}` shows its log")),
            _ => self.print(&line),
        }
    }

    /// The first failure with the end of its log.
    fn print_failure(&mut self, attempt: &AttemptDir, trial: &TrialId) {
        match LogEnd::of(attempt) {
            Ok(Some(end)) => {
                self.print(&format!("    the end of {}:", end.path.display()));
                for line in end.lines {
                    self.print(&format!("      {line}"));
                }
            }
            Ok(None) => {
                self.print(&format!("    its logs in {} are empty", attempt.path().display()));
            }
            Err(error) => self.print(&format!("    its log cannot be read: {error}")),
        }
        self.print(&format!("    `orch show {trial}` prints the commands to rerun it manually"));
    }

    /// The failure of the first trials, with the end of a log unless one has been shown.
    fn same_failure(&mut self, run: &RunDir, failure: &SameFailure, others: usize) {
        let SameFailure { cause, trials } = failure;
        if !self.failure_shown
            && let Some((trial, attempt)) = trials.first_key_value()
        {
            self.failure_shown = true;
            self.print_failure(&run.attempt(trial, *attempt), trial);
        }
        let (count, all) = (trials.len(), trials.len() + others);
        let rest = match others {
            0 => "they are not tried again".to_owned(),
            others => format!("the other {others} wait in the queue"),
        };
        self.print(&format!(
            "{count} of {all} trials failed the same way before their first event: {cause}\n\
             {rest}; `--keep-going` runs them all the same"
        ));
    }

    /// Prints a line unless only failures are wanted.
    fn print_unless_quiet(&mut self, line: &str) {
        if self.verbosity == Verbosity::Normal {
            self.print(line);
        }
    }

    fn print(&mut self, line: &str) {
        let line = text::harmless(line);
        match &mut self.live {
            Some(live) => live.print_above(&line),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }
}

impl Reporter for Display {
    fn report(&mut self, event: RunEvent<'_>) {
        match event {
            RunEvent::TrialChanged { run, trial, from, to } => {
                self.trial_changed(run, trial, from, to);
            }
            RunEvent::TrialStalled { trial, silent } => {
                let silent = text::duration(silent);
                self.print_unless_quiet(&format!(
                    "{trial}: stalled: no event and no output for {silent}"
                ));
            }
            RunEvent::LinesSkipped(lines) => self.print_unless_quiet(&format!("warning: {lines}")),
            // Where there is a table, trials are seen to wait.
            RunEvent::ResourcesUnavailable(unavailable) => {
                if self.live.is_none() || unavailable.is_of_disk() {
                    self.print_unless_quiet(&format!("no trial can be started: {unavailable}"));
                }
            }
            RunEvent::CannotStart(why) => {
                if self.blocked.as_deref() != Some(why) {
                    self.blocked = Some(why.to_owned());
                    self.print_unless_quiet(&format!("no trial can be started: {why}"));
                }
            }
            RunEvent::Stopping(StopMode::Graceful) => self.print_unless_quiet(
                "stopping: workers are asked to end, with a checkpoint if they save any; interrupt \
                 again to end them now",
            ),
            RunEvent::Stopping(StopMode::Immediate) => {
                self.print_unless_quiet("ending the workers now; their last checkpoints stay");
            }
            RunEvent::SameFailure { run, failure, others } => {
                self.same_failure(run, failure, others);
            }
            RunEvent::TooManyFailures => self.print_unless_quiet(
                "too many trials failed: no other is started, and workers are asked to end, with a \
                 checkpoint if they save any",
            ),
        }
    }

    fn refresh(
        &mut self,
        trials: &mut dyn Iterator<Item = TrialView<'_>>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        if let Some(live) = &mut self.live {
            live.draw(trials, progress);
        }
    }
}

/// True if the attempt's worker failed without having been asked to stop.
fn failed_by_itself(attempt: &AttemptDir) -> bool {
    let Ok(AttemptStatus::Ended(exit)) = ownership::attempt_status(attempt) else { return false };
    let good = matches!(exit.outcome, Outcome::Exited { code: WORKER_DONE | WORKER_STOPPED });
    exit.stop.is_none() && !good
}
