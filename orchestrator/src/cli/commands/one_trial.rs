//! The one trial that some verbs are about.

use std::path::PathBuf;

use super::damage::open_records;
use super::error::Result;
use crate::cli::args::{Global, OneTrialArgs};
use crate::cli::selector::Selector;
use crate::display::trial_status::{self, TrialStatus};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::store::Store;

/// The one trial that the command line names, with its run's records.
pub(super) struct OneTrial {
    pub(super) dir: RunDir,
    pub(super) store: Store,
    pub(super) status: TrialStatus,
}

impl OneTrial {
    /// Finds run and trial.
    pub(super) async fn find(arguments: &OneTrialArgs, global: &Global) -> Result<Self> {
        Self::select(&arguments.trial, arguments.run.as_deref(), global).await
    }

    /// Finds the run, and the one trial of it that matches.
    pub(super) async fn select(
        trial: &Selector,
        run: Option<&str>,
        global: &Global,
    ) -> Result<Self> {
        let dir = RunDir::find(&global.runs, run)?;
        let mut store = open_records(&dir).await?;
        let trials = trial_status::all(store.trials().await?, &dir)?;
        let status = trial.choose(trials, &dir.name())?;
        Ok(Self { dir, store, status })
    }

    /// The same trial with its present status.
    pub(super) async fn again(self) -> Result<Self> {
        let Self { dir, store, status } = self;
        // An open reader would keep the write-ahead log from being merged into the database.
        drop(store);
        let mut store = open_records(&dir).await?;
        let mut trials = store.trials().await?.into_iter();
        let trial = trials.find(|trial| trial.id == status.trial.id).unwrap_or(status.trial);
        let status = TrialStatus::new(trial, &dir)?;
        Ok(Self { dir, store, status })
    }

    /// The trial's folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.dir.trial(&self.status.trial.id)
    }

    /// One of its attempts.
    pub(super) fn attempt(&self, number: u32) -> AttemptDir {
        AttemptDir::new(&self.folder(), number)
    }
}

/// The state of a trial and the reason for it: `a-s0 failed: crashed: …`, `b-s0 is queued`.
pub(super) fn sentence(status: &TrialStatus, reason: &str) -> String {
    format!("{}{}", subject(status), status.state_with(reason))
}

/// The beginning of a sentence that ends in the trial's state.
pub(super) fn subject(status: &TrialStatus) -> String {
    let verb = match status.state() {
        "ended" | "failed" | "succeeded" => "",
        "cancelled" | "interrupted" => "was ",
        _ => "is ",
    };
    format!("{} {verb}", status.trial.id)
}
