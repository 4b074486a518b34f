//! A submission in the background: its plan, the running `sbatch`, and the pause after a rejection.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use experiments::schema::executor::Slurm as Settings;
use experiments::schema::resources::Resources;
use tokio::task::JoinHandle;

use super::client::{self, ClientError};
use super::job_file::Job;
use super::submission::Submission;
use crate::platform::atomic_file::FileError;
use crate::run_dir::attempt::AttemptDir;

/// The settings that all submissions of a run share.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) resources: Resources,
    pub(super) grace_secs: u64,
    /// Absolute path of the run's folder.
    pub(super) run: PathBuf,
    /// This program's file, read once at the start: it may be replaced meanwhile.
    pub(super) orch: Option<PathBuf>,
}

/// A running `sbatch`.
#[derive(Debug)]
pub(super) struct Submitting {
    pub(super) attempts: Vec<AttemptDir>,
    pub(super) task: JoinHandle<Result<(), SubmitError>>,
}

/// Slurm rejected the last submission.
#[derive(Debug)]
pub(super) struct Backoff {
    /// For people, with Slurm's own message.
    pub(super) reason: String,
    pub(super) pause: Duration,
    pub(super) until: Instant,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum SubmitError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot find the path of the program `orch`")]
    NoProgram,
}

impl Plan {
    /// Writes the jobs' files, then submits the jobs.
    pub(super) fn submit(
        &self,
        cluster: &str,
        name: &str,
        attempts: &[AttemptDir],
    ) -> Result<(), SubmitError> {
        let orch = self.orch.as_ref().ok_or(SubmitError::NoProgram)?;
        let submission = Submission::new(&self.run, name);
        let absolute: Vec<_> = attempts.iter().map(AttemptDir::absolute).collect();
        submission.prepare(&absolute, orch, &self.settings)?;
        for (index, attempt) in (0..).zip(&absolute) {
            let job = Job { cluster: cluster.to_owned(), name: name.to_owned(), index };
            job.write(attempt)?;
        }
        let Self { settings, resources, grace_secs, .. } = self;
        let arguments = submission.arguments(attempts.len(), settings, resources, *grace_secs);
        client::call("sbatch", arguments)?;
        Ok(())
    }
}
