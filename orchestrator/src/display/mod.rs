//! What a person sees while a run goes on: a table that is drawn anew on a terminal, one line per
//! change elsewhere. It goes to standard error.

mod live;
pub mod progress;
pub mod text;
pub mod trial_status;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use experiments::protocol::exit::{WORKER_DONE, WORKER_STOPPED};

use self::progress::Progress;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::{AttemptDir, Outcome};
use crate::run_dir::log_tail::LogEnd;
use crate::run_dir::rerun_script;
use crate::run_dir::trial::Folders;
use crate::scheduler::State;
use crate::slots::Unavailable;
use experiments::protocol::trial_id::TrialId;
use live::Live;

/// How much is said.
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
    /// Whether a failure has been shown in full; later ones get a line each.
    failure_shown: bool,
    /// Why nothing can be started now, as it was said last.
    rejection: Option<String>,
}

impl Display {
    /// A display for this terminal, or for whatever standard error is.
    pub fn new(verbosity: Verbosity, headline: Option<&str>) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let live = verbosity == Verbosity::Normal && std::io::stderr().is_terminal() && !dumb;
        let live = live.then(|| Live::new(headline));
        Self { verbosity, live, failure_shown: false, rejection: None }
    }

    /// A trial has gone from one state to another.
    pub fn changed(&mut self, trial: &TrialId, from: &State, to: &State, run: &RunDir) {
        let given_up = matches!(to, State::Failed { .. });
        if matches!(to, State::Running { .. }) {
            self.rejection = None;
        }
        // Waiting is no news, unless something was under way.
        let news = given_up
            || (self.verbosity == Verbosity::Normal
                && !matches!(to, State::Starting { .. })
                && (from.active_attempt().is_some() || !matches!(to, State::Queued { .. })));
        // Said once, not of every trial.
        let cannot_start =
            matches!(to, State::Queued { reason } if Some(reason) == self.rejection.as_ref());
        // The live table shows what goes well.
        if !news || cannot_start || (self.live.is_some() && to.reason().is_empty()) {
            return;
        }
        let attempt = to.active_attempt().filter(|n| *n > 1);
        let attempt = attempt.map_or(String::new(), |n| format!(" (attempt {n})"));
        let reason = Some(to.reason()).filter(|reason| !reason.is_empty());
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let line = format!("{trial}: {}{attempt}{reason}", to.name());
        let ended = from.active_attempt().map(|n| AttemptDir::new(&run.trial(trial), n));
        match ended.filter(|attempt| given_up || has_failed(attempt)) {
            Some(attempt) if !self.failure_shown => {
                self.failure_shown = true;
                self.say(&line);
                self.say_in_full(&attempt, &run.trial(trial));
            }
            _ if given_up => self.say(&format!("{line}; `orch why {trial}` shows its log")),
            _ => self.say(&line),
        }
    }

    /// What a person wants to see at once: the end of the log, and how to do the same again.
    fn say_in_full(&mut self, attempt: &AttemptDir, trial: &Path) {
        let mut lines = Vec::new();
        match LogEnd::of(attempt) {
            Ok(Some(end)) => {
                lines.push(format!("    the end of {}:", end.path.display()));
                lines.extend(end.lines.iter().map(|line| format!("      {line}")));
            }
            Ok(None) => {
                lines.push(format!("    its logs in {} are empty", attempt.path().display()));
            }
            Err(error) => lines.push(format!("    its log cannot be read: {error}")),
        }
        let checkpoints = std::path::absolute(trial.join(Folders::of(trial).checkpoints));
        if let (Ok(Some(command)), Ok(checkpoints)) = (attempt.read_command(), checkpoints) {
            lines.push("    by hand (without the second line it begins anew):".to_owned());
            let by_hand = rerun_script::lines(&command, &checkpoints);
            lines.extend(by_hand.iter().map(|line| format!("      {line}")));
        }
        for line in lines {
            self.say(&line);
        }
    }

    /// Somebody asked the run to stop.
    pub fn stopping(&mut self) {
        if self.verbosity == Verbosity::Normal {
            self.say("stopping: workers save a checkpoint first; interrupt again to end them now");
        }
    }

    /// Somebody does not want to wait for that.
    pub fn ending(&mut self) {
        if self.verbosity == Verbosity::Normal {
            self.say("ending the workers now; their last checkpoints stay");
        }
    }

    /// Nothing has been heard of a trial for so long.
    pub fn stalled(&mut self, trial: &TrialId, silent: Duration) {
        if self.verbosity == Verbosity::Normal {
            let silent = text::duration(silent);
            self.say(&format!("{trial}: stalled: no event and no output for {silent}"));
        }
    }

    /// Nothing can be started, for this reason; where there is a table, trials are seen to wait.
    pub fn waiting(&mut self, unavailable: &Unavailable) {
        if self.verbosity == Verbosity::Normal && (self.live.is_none() || unavailable.is_of_disk())
        {
            self.say(&format!("nothing is started now: {unavailable}"));
        }
    }

    /// Nobody can start anything now, for this reason; said once.
    pub fn cannot_start(&mut self, why: &str) {
        if self.rejection.as_deref() != Some(why) {
            self.rejection = Some(why.to_owned());
            if self.verbosity == Verbosity::Normal {
                self.say(&format!("nothing is started now: {why}"));
            }
        }
    }

    /// As many trials have failed as are put up with.
    pub fn giving_up(&mut self) {
        if self.verbosity == Verbosity::Normal {
            self.say(
                "too many trials failed: nothing more is started, and workers save a checkpoint",
            );
        }
    }

    /// Draws the table again, where there is one.
    pub fn refresh<'a>(
        &mut self,
        states: impl Iterator<Item = (&'a TrialId, &'a State)>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        if let Some(live) = &mut self.live {
            live.draw(states, progress);
        }
    }

    /// Ends the table, leaving nothing of it on the screen.
    pub fn finish(&mut self) {
        if let Some(live) = self.live.take() {
            live.clear();
        }
    }

    fn say(&mut self, line: &str) {
        let line = text::harmless(line);
        match &mut self.live {
            Some(live) => live.say(&line),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }
}

/// Whether the attempt's worker failed by itself: nobody had asked it to stop.
fn has_failed(attempt: &AttemptDir) -> bool {
    let exit = attempt.read_exit().ok().flatten();
    exit.is_some_and(|exit| {
        let good = matches!(exit.outcome, Outcome::Exited { code: WORKER_DONE | WORKER_STOPPED });
        exit.stop.is_none() && !good
    })
}
