//! The trials that the command line names, with their run's records.

use std::path::PathBuf;

use crate::cli::args::{Chosen, Global};
use crate::display::trial_status::{self, TrialStatus};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::store::Store;
use crate::store::sync;

/// The one trial that the command line names, with its run's records.
pub(super) struct OneTrial {
    pub(super) dir: RunDir,
    pub(super) store: Store,
    pub(super) shown: TrialStatus,
}

impl OneTrial {
    /// Finds run and trial.
    pub(super) async fn find(chosen: &Chosen, global: &Global) -> anyhow::Result<Self> {
        let dir = RunDir::find(&global.runs, chosen.run.as_deref())?;
        let mut store = sync::for_reading(&dir).await?;
        let shown =
            chosen.trial.choose(trial_status::all(store.trials().await?, &dir)?, &dir.name())?;
        Ok(Self { dir, store, shown })
    }

    /// The same trial as it stands now.
    pub(super) async fn again(self) -> anyhow::Result<Self> {
        let Self { dir, store, shown } = self;
        // A reader that is still there would keep the log of the database from being folded in.
        drop(store);
        let mut store = sync::for_reading(&dir).await?;
        let mut trials = store.trials().await?.into_iter();
        let trial = trials.find(|trial| trial.id == shown.trial.id).unwrap_or(shown.trial);
        let shown = TrialStatus::new(trial, &dir)?;
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
