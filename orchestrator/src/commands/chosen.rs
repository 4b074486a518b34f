//! A trial as it is recorded, and how it really stands: what every verb that shows trials needs.

use std::path::PathBuf;

use crate::attempt::AttemptDir;
use crate::catch_up;
use crate::claim::{self, ClaimError, Standing};
use crate::cli::{Chosen, Global};
use crate::clock;
use crate::run_dir::RunDir;
use crate::store::{Store, TrialRow};

/// A trial as it is recorded, and how its attempt under way really stands.
pub(super) struct Shown {
    pub(super) trial: TrialRow,
    pub(super) standing: Option<Standing>,
}

impl Shown {
    pub(super) fn new(trial: TrialRow, dir: &RunDir) -> Result<Self, ClaimError> {
        let attempt = trial.state.attempt_under_way();
        let attempt = attempt.map(|number| AttemptDir::new(&dir.trial(&trial.id), number));
        let standing = attempt.map(|attempt| claim::standing(&attempt)).transpose();
        // Attempts are their user's alone; others see what is recorded.
        let standing = match standing {
            Err(error) if error.is_forbidden() => None,
            looked => looked?,
        };
        Ok(Self { trial, standing })
    }

    /// Its state in a word, as it really is: `lost` or `ended` where that is not recorded yet. That
    /// the file no longer names it comes first.
    pub(super) fn state(&self) -> &'static str {
        match &self.standing {
            _ if self.trial.retired => "retired",
            Some(Standing::Lost(_)) => "lost",
            Some(Standing::Ended(_)) => "ended",
            Some(_) | None => self.trial.state.name(),
        }
    }

    /// Why the trial is in its state, or what its supervisor has not seen yet.
    pub(super) fn reason(&self) -> String {
        match &self.standing {
            Some(Standing::Ended(_)) => "`orch run` takes it in".to_owned(),
            Some(Standing::Lost(_)) => "its processes are gone; `orch run` goes on".to_owned(),
            Some(Standing::Unknown(claim)) => format!("was taken up on {}", claim.host.name),
            Some(Standing::Held(_)) if self.silent_since_ms().is_some() => {
                let since = clock::to_rfc3339(self.silent_since_ms().unwrap_or_default());
                format!("stalled: no event and no output since {since}")
            }
            Some(Standing::Held(_) | Standing::Unclaimed | Standing::Abandoned(_)) | None => {
                self.trial.state.reason()
            }
        }
    }

    /// Since when nothing has been heard of its attempt under way, if that has been too long.
    pub(super) fn silent_since_ms(&self) -> Option<i64> {
        self.trial.state.attempt_under_way().and(self.trial.last_attempt.as_ref()?.silent_since_ms)
    }

    /// Both, `failed: crashed: …`.
    pub(super) fn state_and_reason(&self) -> String {
        let reason = self.reason();
        let colon = if reason.is_empty() { "" } else { ": " };
        format!("{}{colon}{reason}", self.state())
    }

    /// How its attempt under way stands, as one word for programs.
    pub(super) fn standing(&self) -> Option<&'static str> {
        self.standing.as_ref().map(|standing| match standing {
            Standing::Unclaimed => "unclaimed",
            Standing::Held(_) => "held",
            Standing::Ended(_) => "ended",
            Standing::Lost(_) => "lost",
            Standing::Abandoned(_) => "abandoned",
            Standing::Unknown(_) => "unknown",
        })
    }
}

/// The one trial that the command line names, with its run's records.
pub(super) struct OneTrial {
    pub(super) dir: RunDir,
    pub(super) store: Store,
    pub(super) shown: Shown,
}

impl OneTrial {
    /// Finds run and trial.
    pub(super) async fn find(chosen: &Chosen, global: &Global) -> anyhow::Result<Self> {
        let dir = RunDir::find(&global.runs, chosen.run.as_deref())?;
        let mut store = catch_up::for_reading(&dir).await?;
        let trial = chosen.trial.choose(store.trials().await?, &dir.name())?;
        let shown = Shown::new(trial, &dir)?;
        Ok(Self { dir, store, shown })
    }

    /// The same trial as it stands now.
    pub(super) async fn again(self) -> anyhow::Result<Self> {
        let Self { dir, store, shown } = self;
        // A reader that is still there would keep the log of the database from being folded in.
        drop(store);
        let mut store = catch_up::for_reading(&dir).await?;
        let mut trials = store.trials().await?.into_iter();
        let trial = trials.find(|trial| trial.id == shown.trial.id).unwrap_or(shown.trial);
        let shown = Shown::new(trial, &dir)?;
        Ok(Self { dir, store, shown })
    }

    /// The trial's folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.dir.trial(&self.shown.trial.id)
    }

    /// One of its attempts.
    pub(super) fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir::new(&self.folder(), number)
    }
}
