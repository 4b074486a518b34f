//! A run's folder, `runs/<experiment>.<profile>/`: where its files are, who supervises it, and how
//! a name on the command line finds it.

pub mod attempt;
mod database_path;
pub mod log_tail;
pub mod ownership;
pub mod provenance;
pub mod requests;
pub(crate) mod rerun_script;
pub mod snapshot;
pub mod trial;

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use experiments::protocol::trial_id::TrialId;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use self::attempt::AttemptDir;
use crate::platform::clock;
use crate::platform::host::Host;

/// How long to wait before the lock is looked at again.
const MOMENT: Duration = Duration::from_millis(50);

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir(PathBuf);

/// A run cannot be found or taken.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// No run has that name.
    #[error("there is no run `{name}` in `{}`{}", runs.display(), known(known_runs))]
    NoSuchRun {
        /// What was asked for.
        name: String,
        /// Where runs lie.
        runs: PathBuf,
        /// What there is.
        known_runs: Vec<String>,
    },
    /// Nothing has been run here.
    #[error("nothing has been run in `{}` yet", runs.display())]
    NoRuns {
        /// Where runs lie.
        runs: PathBuf,
    },
    /// Another supervisor works on the run.
    #[error("`{run}` is being run by {by}")]
    Supervised {
        /// The run.
        run: String,
        /// Its supervisor.
        by: Supervisor,
    },
    /// The file system said no.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn known(runs: &[String]) -> String {
    if runs.is_empty() { String::new() } else { format!(" (there is: {})", runs.join(", ")) }
}

/// Who works on a run: what a supervisor writes into the lock file, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// Its process id.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// When it took the run up, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

impl fmt::Display for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { pid, host, since_ms } = self;
        write!(f, "process {pid} on {host}, since {}", clock::to_rfc3339(*since_ms))
    }
}

/// The right to write to a run's records; given up when dropped, and by the kernel when the
/// process ends.
#[derive(Debug)]
pub struct SupervisorLock {
    #[expect(dead_code, reason = "held, never read")]
    run: File,
    #[expect(dead_code, reason = "held, never read")]
    database: Option<DatabaseLock>,
}

/// The right to write to a run's database on this machine, which is another than the supervisor's
/// where the folder is shared by machines.
#[derive(Debug)]
pub struct DatabaseLock(#[expect(dead_code, reason = "held, never read")] File);

impl RunDir {
    /// The folder of run `name` below `runs`.
    pub fn new(runs: &Path, name: &str) -> Self {
        Self(runs.join(name))
    }

    /// Finds a run by name: `table1.demo`, or `table1` for its latest profile, or the path of its
    /// folder; with no name, what ran last.
    pub fn find(runs: &Path, name: Option<&str>) -> Result<Self, RunDirError> {
        if let Some(path) = name.map(Path::new).filter(|p| p.join("journal.jsonl").is_file()) {
            return Ok(Self(path.to_owned()));
        }
        let all = list(runs);
        let matches = |run: &str| match name {
            None => true,
            Some(name) => run == name || run.rsplit_once('.').is_some_and(|(e, _)| e == name),
        };
        let exact = all.iter().find(|(run, _)| Some(run.as_str()) == name);
        let latest = || all.iter().filter(|(run, _)| matches(run)).max_by_key(|(_, time)| *time);
        if let Some((run, _)) = exact.or_else(latest) {
            return Ok(Self::new(runs, run));
        }
        let runs = runs.to_owned();
        Err(match name {
            None => RunDirError::NoRuns { runs },
            Some(name) => {
                let known_runs = all.into_iter().map(|(run, _)| run).collect();
                RunDirError::NoSuchRun { name: name.to_owned(), runs, known_runs }
            }
        })
    }

    /// Every run below `runs`.
    pub fn all(runs: &Path) -> Vec<Self> {
        list(runs).into_iter().map(|(run, _)| Self::new(runs, &run)).collect()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The run's name, `table1.demo`.
    pub fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What the supervisor decided, one line each.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// The index over journal and events: `orch.db`, unless it has to lie elsewhere.
    pub fn database(&self) -> PathBuf {
        database_path::of_run(&self.0)
    }

    /// Where the database lies and why, for people; `None` if it is in the folder.
    pub fn database_note(&self) -> Option<String> {
        database_path::note(&self.0)
    }

    /// The experiment as resolved when it was run last.
    pub fn experiment(&self) -> PathBuf {
        self.0.join("experiment.yaml")
    }

    /// What people wish of the run.
    pub fn requests(&self) -> PathBuf {
        self.0.join("requests")
    }

    /// What supervisors in the background say.
    pub fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// Where the report goes.
    pub fn report(&self) -> PathBuf {
        self.0.join("report")
    }

    /// The folders of all trials.
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// A trial's folder.
    pub fn trial(&self, trial: &TrialId) -> PathBuf {
        self.trials().join(&trial.0)
    }

    /// An attempt's folder.
    pub fn attempt(&self, trial: &TrialId, number: u32) -> AttemptDir {
        AttemptDir::new(&self.trial(trial), number)
    }

    /// Makes the folder.
    pub fn create(&self) -> Result<(), RunDirError> {
        let failed = |source| RunDirError::Io { path: self.0.clone(), source };
        fs_err::create_dir_all(self.trials()).map_err(failed)
    }

    /// Takes the supervisor's lock, or says which supervisor has it.
    pub fn lock(&self) -> Result<SupervisorLock, RunDirError> {
        let (pid, since_ms) = (std::process::id(), clock::now_ms());
        let me = Supervisor { pid, host: Host::this().name, since_ms };
        self.take_locks(&serde_json::to_string(&me).expect("plain data"))
    }

    /// Takes the supervisor's lock only to catch the records up; who wants it meanwhile waits.
    pub fn lock_for_a_moment(&self) -> Result<SupervisorLock, RunDirError> {
        self.take_locks("")
    }

    /// The supervisor that works on the run, if one lives.
    pub fn supervisor(&self) -> Option<Supervisor> {
        match self.lock_for_a_moment() {
            Err(RunDirError::Supervised { by, .. }) => Some(by),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether a supervisor works on the run.
    pub fn is_supervised(&self) -> bool {
        self.supervisor().is_some()
    }

    /// Takes the lock of a database that lies elsewhere, beside a supervisor that keeps another;
    /// `None` if there is no such database, or this one is being kept.
    pub fn lock_database_elsewhere(&self) -> Option<DatabaseLock> {
        self.take_database_lock("").ok().flatten()
    }

    fn take_locks(&self, words: &str) -> Result<SupervisorLock, RunDirError> {
        let run = self.take_lock(&self.0.join("supervisor.lock"), words)?;
        Ok(SupervisorLock { run, database: self.take_database_lock(words)? })
    }

    fn take_database_lock(&self, words: &str) -> Result<Option<DatabaseLock>, RunDirError> {
        let failed = |source| RunDirError::Io { path: self.database(), source };
        let Some(path) = database_path::lock(&self.0).map_err(failed)? else { return Ok(None) };
        Ok(Some(DatabaseLock(self.take_lock(&path, words)?)))
    }

    fn take_lock(&self, path: &Path, words: &str) -> Result<File, RunDirError> {
        let failed = |source| RunDirError::Io { path: path.to_owned(), source };
        let open = File::options().create(true).truncate(false).write(true).open(path);
        let mut file = open.map_err(failed)?;
        let mut seen = String::new();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {}
                Err(e) => return Err(failed(e.into())),
            }
            // Empty while somebody only catches up, or is about to write its name. And a name may
            // be left from before: it counts when it is still there a moment later.
            let now = std::fs::read_to_string(path).map_err(failed)?;
            if !now.is_empty() && now == seen {
                return Err(self.held_by(&now));
            }
            seen = now;
            std::thread::sleep(MOMENT);
        }
        file.set_len(0).and_then(|()| file.write_all(words.as_bytes())).map_err(failed)?;
        Ok(file)
    }

    fn held_by(&self, words: &str) -> RunDirError {
        let unknown = Supervisor { pid: 0, host: "this machine".to_owned(), since_ms: 0 };
        let by = serde_json::from_str(words).unwrap_or(unknown);
        RunDirError::Supervised { run: self.name(), by }
    }
}

/// Every run below `runs` with the time of its last decision.
fn list(runs: &Path) -> Vec<(String, SystemTime)> {
    let Ok(entries) = std::fs::read_dir(runs) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let time = entry.path().join("journal.jsonl").metadata().ok()?.modified().ok()?;
            Some((entry.file_name().into_string().ok()?, time))
        })
        .collect();
    found.sort();
    found
}
