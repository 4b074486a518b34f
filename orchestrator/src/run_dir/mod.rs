//! A run's folder, `runs/<experiment>.<profile>/`: the paths of its files, and the records in them.

pub mod attempt;
pub mod attempt_seal;
mod database_path;
pub(crate) mod event_lines;
pub(crate) mod find;
pub(crate) mod log_tail;
pub mod ownership;
pub(crate) mod provenance;
pub(crate) mod removal;
pub mod requests;
pub(crate) mod rerun_script;
pub(crate) mod snapshot;
pub(crate) mod staging;
mod supervisor_lock;
pub(crate) mod system_samples;
pub(crate) mod trial;

use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::events::Code;
use experiments::protocol::trial_id::TrialId;

use self::attempt::AttemptDir;
pub use supervisor_lock::SupervisorLock;
pub(crate) use supervisor_lock::{DatabaseLock, Supervisor};

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunDir(PathBuf);

/// A run cannot be found or locked.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// No run has that name.
    #[error("there is no run `{name}` in `{}`{}", runs.display(), known(known_runs))]
    NoSuchRun {
        /// The name as it was given.
        name: String,
        /// The folder of all runs.
        runs: PathBuf,
        /// The names of the runs in it.
        known_runs: Vec<String>,
    },
    /// The folder of all runs has none.
    #[error("nothing has been run in `{}` yet{}", runs.display(), other_folder(elsewhere.as_deref()))]
    NoRuns {
        /// The folder of all runs.
        runs: PathBuf,
        /// The nearest one above that has any.
        elsewhere: Option<PathBuf>,
    },
    /// Another supervisor has the run's lock.
    #[error("`{run}` is being run by {by}")]
    Supervised {
        /// The run's name.
        run: String,
        /// The supervisor that has the lock.
        by: Supervisor,
    },
    /// A file of the run cannot be used.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The hint that runs are elsewhere; may be empty.
fn other_folder(elsewhere: Option<&Path>) -> String {
    elsewhere.map_or(String::new(), |runs| {
        format!("\n\nhint: there are runs in `{0}`: `--runs {0}`", runs.display())
    })
}

fn known(runs: &[String]) -> String {
    if runs.is_empty() { String::new() } else { format!(" (runs: {})", runs.join(", ")) }
}

impl RunDir {
    /// The folder of run `name` below `runs`.
    pub fn new(runs: &Path, name: &str) -> Self {
        Self(runs.join(name))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of copies of the worker's code.
    pub(crate) fn code(&self) -> PathBuf {
        self.0.join("code")
    }

    /// The copy that `code` was run from, also where the run's folder was another one then; `None` if there is
    /// none here.
    pub(crate) fn code_copy(&self, code: &Code) -> Option<PathBuf> {
        let root = Path::new(&code.root);
        let copy = self.code().join(root.file_name()?);
        (root.parent()?.ends_with("code") && copy.is_dir()).then_some(copy)
    }

    /// The run's name, `table1.demo`.
    pub(crate) fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Locked by the supervisor while it runs.
    pub(crate) fn supervisor_lock(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }

    /// The supervisor's decisions, a line each.
    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// The index over journal and events: `orch.db`, unless it has to lie elsewhere.
    pub(crate) fn database(&self) -> PathBuf {
        database_path::of_run(&self.0)
    }

    /// The database's path and the reason for it, for people; `None` if it is in the folder.
    pub(crate) fn database_note(&self) -> Option<String> {
        database_path::note(&self.0)
    }

    /// The experiment file of the newest `orch run`, byte for byte; imported runs have none.
    pub(crate) fn experiment_file(&self) -> PathBuf {
        self.0.join(snapshot::EXPERIMENT_FILE)
    }

    /// The run as resolved by the newest `orch run`.
    pub(crate) fn resolved(&self) -> PathBuf {
        self.0.join(snapshot::RESOLVED_FILE)
    }

    /// The folder of pending requests to its supervisor.
    pub(crate) fn requests(&self) -> PathBuf {
        self.0.join("requests")
    }

    /// The log of supervisors in the background.
    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// The folder that a report is written to by default.
    pub(crate) fn report(&self) -> PathBuf {
        self.0.join("report")
    }

    /// The folder of all trials' folders.
    pub(crate) fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// A trial's folder.
    pub(crate) fn trial(&self, trial: &TrialId) -> PathBuf {
        self.trials().join(&trial.0)
    }

    /// The folder of a trial's attempt `number`, from 1.
    pub(crate) fn attempt(&self, trial: &TrialId, number: u32) -> AttemptDir {
        AttemptDir::new(&self.trial(trial), number)
    }

    /// Makes the folder, and the one for its trials.
    pub(crate) fn create(&self) -> Result<(), RunDirError> {
        fs_err::create_dir_all(self.trials())
            .map_err(|source| RunDirError::Io { path: self.0.clone(), source })
    }
}
