//! A damaged record of a run.

use std::fmt;

use experiments::protocol::trial_id::TrialId;

/// The folder of a run's trials.
const TRIALS: &str = "trials";

/// A record that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Damage {
    /// Its path, relative to the run's folder.
    pub(crate) path: String,
    /// The trial whose results it affects; `None` if it may affect all.
    pub(crate) trial: Option<TrialId>,
    /// Its difference from what was recorded, as the end of a sentence.
    pub(crate) problem: String,
}

impl Damage {
    /// A trial that was started, and is not in the journal.
    pub(super) fn unrecorded(trial: &str) -> Self {
        let problem = "was started, and is not in the journal".to_owned();
        Self { path: format!("{TRIALS}/{trial}"), trial: None, problem }
    }

    /// The name of such a trial.
    pub(crate) fn unrecorded_trial(&self) -> Option<&str> {
        let name = self.path.strip_prefix(TRIALS)?.strip_prefix('/')?;
        (!name.contains('/')).then_some(name)
    }
}

/// `` `trials/a-s0-1f2e3d4c/attempt-1/events.jsonl` has 10 bytes, and had 200 when it was complete ``.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.problem)
    }
}
