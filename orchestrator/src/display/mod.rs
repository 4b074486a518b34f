//! What a person sees while a run goes on: a table that is drawn anew on a terminal, one line per
//! change elsewhere. Talk goes to standard error.

mod live;
pub mod text;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use crate::attempt::AttemptDir;
use crate::core::{State, TrialId};
use crate::run_dir::RunDir;
use crate::supervisor::Progress;
use live::Live;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// Only what went wrong.
    Quiet,
    /// The table on a terminal, lines elsewhere.
    Normal,
}

/// The display of one run.
#[derive(Debug)]
pub struct Display {
    talk: Talk,
    live: Option<Live>,
}

impl Display {
    /// A display for this terminal, or for whatever standard error is.
    pub fn new(talk: Talk, headline: Option<&str>) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let live = talk == Talk::Normal && std::io::stderr().is_terminal() && !dumb;
        Self { talk, live: live.then(|| Live::new(headline)) }
    }

    /// A trial has gone from one state to another.
    pub fn changed(&mut self, trial: &TrialId, from: &State, to: &State, run: &RunDir) {
        let failed = matches!(to, State::Failed { .. });
        // Waiting is no news, unless something was under way.
        let news = failed
            || (self.talk == Talk::Normal
                && !matches!(to, State::Starting { .. })
                && (from.attempt_under_way().is_some() || !matches!(to, State::Queued { .. })));
        // The live table shows what goes well.
        if !news || (self.live.is_some() && to.reason().is_empty()) {
            return;
        }
        let attempt = to.attempt_under_way().filter(|n| *n > 1);
        let attempt = attempt.map_or(String::new(), |n| format!(" (attempt {n})"));
        let reason = Some(to.reason()).filter(|reason| !reason.is_empty());
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        self.say(&format!("{trial}: {}{attempt}{reason}", to.name()));
        if let State::Failed { attempt, .. } = to {
            let attempt = AttemptDir::new(&run.trial(trial), *attempt);
            self.say(&format!("    its logs: {}", attempt.path().display()));
        }
    }

    /// Somebody asked the run to stop.
    pub fn stopping(&mut self) {
        if self.talk == Talk::Normal {
            self.say("stopping: workers save a checkpoint first; interrupt again to end them now");
        }
    }

    /// Somebody does not want to wait for that.
    pub fn ending(&mut self) {
        if self.talk == Talk::Normal {
            self.say("ending the workers now; their last checkpoints stay");
        }
    }

    /// As many trials have failed as are put up with.
    pub fn giving_up(&mut self) {
        if self.talk == Talk::Normal {
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

    fn say(&self, line: &str) {
        match &self.live {
            Some(live) => live.say(line),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }
}
