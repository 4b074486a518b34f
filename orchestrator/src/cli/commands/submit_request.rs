//! Asking for something of a run: its supervisor does it, and where there is none, we do.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::display::{Display, Talk};
use crate::run_dir::requests::{self, Request};
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, RunDirError, SupervisorLock};
use crate::slots::{ForeignProcesses, Machine};
use crate::store::journal_file::Journal;
use crate::store::sync;
use crate::supervisor::{Parts, Supervisor};
use experiments::protocol::trial_id::TrialId;

/// How often it is looked whether a supervisor has done what was asked.
const POLL: Duration = Duration::from_millis(100);

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoneBy {
    /// The supervisor that is at work.
    Supervisor,
    /// This process, in the place of a supervisor.
    Ourselves,
}

/// Has `request` done, and waits until none of `trials` is under way any more or, with
/// `to_the_end`, until the supervisor has gone.
pub(super) async fn ask(
    dir: &RunDir,
    request: &Request,
    trials: &[TrialId],
    to_the_end: bool,
) -> anyhow::Result<DoneBy> {
    let request = requests::submit(dir, request)?;
    loop {
        // Whoever gets the lock is the supervisor: the one that was there may have gone, or died,
        // before it saw the request or its end.
        match dir.lock() {
            Ok(lock) => {
                act(dir, lock, trials).await?;
                return Ok(DoneBy::Ourselves);
            }
            Err(RunDirError::Supervised { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if !to_the_end && is_done(dir, &request, trials).await? {
            return Ok(DoneBy::Supervisor);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Does what requests ask for in the place of a supervisor.
async fn act(dir: &RunDir, lock: SupervisorLock, trials: &[TrialId]) -> anyhow::Result<()> {
    let parts = Parts {
        experiment: RunSnapshot::read(&dir.experiment())?,
        dir: dir.clone(),
        journal: Journal::open(&dir.journal())?,
        store: sync::for_writing(dir, &lock).await?,
        lock,
        left_out: BTreeSet::new(),
        machine: Machine::open(),
        foreign_processes: ForeignProcesses::Avoided,
        jobs: Some(0),
        max_fails: None,
    };
    let mut display = Display::new(Talk::Quiet, None);
    Ok(Supervisor::new(parts, &mut display).await?.serve_requests(trials).await?)
}

/// Whether the supervisor has taken the request in, and what it stopped has ended.
async fn is_done(dir: &RunDir, request: &Path, trials: &[TrialId]) -> anyhow::Result<bool> {
    if request.exists() {
        return Ok(false);
    }
    let rows = sync::for_reading(dir).await?.trials().await?;
    Ok(!rows.iter().any(|row| {
        let attempt = row.state.active_attempt().map(|number| dir.attempt(&row.id, number));
        // One without a request to stop was started since, as somebody else wished.
        trials.contains(&row.id) && attempt.is_some_and(|attempt| attempt.stop_requested())
    }))
}
