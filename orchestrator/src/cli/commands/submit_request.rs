//! Submits a request to a run's supervisor, or handles it here if no supervisor is running.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use experiments::protocol::trial_id::TrialId;

use super::damage::open_records;
use super::error::Result;
use crate::display::{Display, Verbosity};
use crate::run_dir::requests::{self, Request};
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, RunDirError, SupervisorLock};
use crate::slots::{ForeignProcesses, Machine};
use crate::store::journal_file::Journal;
use crate::store::sync;
use crate::supervisor::{Parts, Supervisor};

/// Time between two looks at whether the supervisor has handled the request.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The process that handled a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandledBy {
    /// The supervisor of the run.
    Supervisor,
    /// This process, because no supervisor was running.
    Ourselves,
}

/// Handles the requests that a killed process has left, so that none is handled when nobody expects it
/// any more. A running supervisor does that itself.
pub(super) async fn handle_left_over(dir: &RunDir) -> Result<()> {
    if requests::pending(dir)?.is_empty() {
        return Ok(());
    }
    match dir.lock() {
        Ok(lock) => handle(dir, lock, &[]).await,
        Err(RunDirError::Supervised { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Submits `request` and waits until none of `trials` is running any more or, with `to_the_end`,
/// until the supervisor has exited.
pub(super) async fn submit_request(
    dir: &RunDir,
    request: &Request,
    trials: &[TrialId],
    to_the_end: bool,
) -> Result<HandledBy> {
    let request = requests::submit(dir, request)?;
    loop {
        // A supervisor may exit or die before it reads the request, or before the trials have
        // ended. With the lock this process does its work.
        match dir.lock() {
            Ok(lock) => {
                handle(dir, lock, trials).await?;
                return Ok(HandledBy::Ourselves);
            }
            Err(RunDirError::Supervised { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if !to_the_end && is_done(dir, &request, trials).await? {
            return Ok(HandledBy::Supervisor);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Handles all submitted requests, as the supervisor of the run.
async fn handle(dir: &RunDir, lock: SupervisorLock, trials: &[TrialId]) -> Result<()> {
    let machine = Machine::open();
    let parts = Parts {
        code: None,
        experiment: RunSnapshot::read(&dir.resolved())?,
        dir: dir.clone(),
        journal: Journal::open(&dir.journal())?,
        store: sync::for_writing(dir, &lock).await?,
        lock: &lock,
        left_out: BTreeSet::new(),
        machine: &machine,
        foreign_processes: ForeignProcesses::Avoided,
        jobs: Some(0),
        max_fails: None,
        keep_going: true,
    };
    let mut display = Display::new(Verbosity::Quiet, None, Instant::now());
    Ok(Supervisor::new(parts, &mut display).await?.serve_requests(trials).await?)
}

/// True if the supervisor has handled the request and the attempts that it stopped have ended.
async fn is_done(dir: &RunDir, request: &Path, trials: &[TrialId]) -> Result<bool> {
    if request.exists() {
        return Ok(false);
    }
    let rows = open_records(dir).await?.trials().await?;
    Ok(!rows.iter().any(|row| {
        let attempt = row.state.active_attempt().map(|number| dir.attempt(&row.id, number));
        // An attempt that is not asked to stop was started later, for another request.
        trials.contains(&row.id) && attempt.is_some_and(|attempt| attempt.stop_requested())
    }))
}
