//! An attempt's folder: where its files are, and the records that supervisor and holder leave
//! there for each other.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::host::Host;
use crate::run_dir::provenance::Provenance;

/// The folder `trials/<id>/attempt-N/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptDir(PathBuf);

impl AttemptDir {
    /// The folder of attempt `number` (from 1) in the folder of its trial.
    pub fn new(trial: &Path, number: u32) -> Self {
        Self(trial.join(format!("attempt-{number}")))
    }

    /// An attempt's folder by its path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the folder and writes `command.json`: the attempt can now be started.
    pub fn prepare(&self, command: &Command) -> Result<(), FileError> {
        let write_failed = |source| FileError::Write { path: self.0.clone(), source };
        self.create().map_err(write_failed)?;
        atomic_file::write_private_json(&self.command(), command)
    }

    /// Makes the folder if there is none. It is its user's alone: what lies there tells with which
    /// environment the worker ran.
    pub fn create(&self) -> io::Result<()> {
        if let Some(trial) = self.0.parent() {
            std::fs::create_dir_all(trial)?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// The same by its absolute path.
    #[must_use]
    pub fn absolute(&self) -> Self {
        Self(std::path::absolute(&self.0).unwrap_or_else(|_| self.0.clone()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What to run: [`Command`], by the supervisor.
    pub fn command(&self) -> PathBuf {
        self.0.join("command.json")
    }

    /// With which code and GPUs it was started: [`Provenance`], by the supervisor.
    pub fn provenance(&self) -> PathBuf {
        self.0.join("provenance.json")
    }

    /// Where and with which environment it ran: [`Environment`], by the holder.
    pub fn env(&self) -> PathBuf {
        self.0.join("env.json")
    }

    /// The job that it was given to, where it runs on a cluster: [`crate::executor::slurm::Job`].
    pub fn job(&self) -> PathBuf {
        self.0.join("job.json")
    }

    /// Who has the attempt: [`crate::run_dir::ownership::Owner`]; locked while its holder lives.
    pub fn owner(&self) -> PathBuf {
        self.0.join("owner")
    }

    /// What the worker printed.
    pub fn stdout(&self) -> PathBuf {
        self.0.join("stdout.log")
    }

    /// What the worker complained.
    pub fn stderr(&self) -> PathBuf {
        self.0.join("stderr.log")
    }

    /// What went wrong in the holder itself; usually empty.
    pub fn holder_log(&self) -> PathBuf {
        self.0.join("holder.log")
    }

    /// What the worker says: one [`experiments::protocol::events::Line`] a line.
    pub fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }

    /// How it ended: [`Exit`], written by the holder after everything else.
    pub fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }

    /// The holder stops the worker once this file exists.
    pub fn stop(&self) -> PathBuf {
        self.0.join("stop")
    }

    /// The holder kills the worker once this file exists beside `stop`.
    pub fn kill(&self) -> PathBuf {
        self.0.join("kill")
    }

    /// What to run; `None` before [`AttemptDir::prepare`].
    pub fn read_command(&self) -> Result<Option<Command>, FileError> {
        atomic_file::read_json(&self.command())
    }

    /// With which code and GPUs it was started; `None` before that.
    pub fn read_provenance(&self) -> Result<Option<Provenance>, FileError> {
        atomic_file::read_json(&self.provenance())
    }

    /// Where it ran; `None` before a worker is started.
    pub fn read_env(&self) -> Result<Option<Environment>, FileError> {
        atomic_file::read_json(&self.env())
    }

    /// How the attempt ended; `None` while it has not, or if its holder was killed. Ask
    /// [`crate::run_dir::ownership::attempt_status`] to tell the two apart.
    pub fn read_exit(&self) -> Result<Option<Exit>, FileError> {
        atomic_file::read_json(&self.exit())
    }

    /// Asks the holder, on whatever machine it runs, to stop the worker. Harmless if repeated.
    pub fn request_stop(&self) -> io::Result<()> {
        fs_err::OpenOptions::new().create(true).append(true).open(self.stop()).map(drop)
    }

    /// Asks the holder to end the worker at once, without waiting for a checkpoint.
    pub fn request_kill(&self) -> io::Result<()> {
        fs_err::OpenOptions::new().create(true).append(true).open(self.kill()).map(drop)?;
        self.request_stop()
    }

    /// Whether the worker shall not be waited for.
    pub fn kill_requested(&self) -> bool {
        self.kill().exists()
    }

    /// Whether a stop has been asked for.
    pub fn stop_requested(&self) -> bool {
        self.stop().exists()
    }
}

/// What to run and how to end it; `command.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments. A bare name is looked up in `PATH`.
    pub argv: Vec<String>,
    /// The folder it is started in.
    pub cwd: PathBuf,
    /// Set over the holder's own environment.
    pub env: BTreeMap<String, String>,
    /// Seconds between SIGTERM and SIGKILL when it is to stop.
    pub grace_secs: f64,
    /// It is stopped after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_secs: Option<f64>,
}

/// Where a worker ran and with which environment; `env.json`. For people who look for what was
/// different; nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine.
    pub host: Host,
    /// Release of its kernel.
    #[serde(default)]
    pub kernel: String,
    /// Model of its processor, where the system tells.
    #[serde(default)]
    pub cpu_model: Option<String>,
    /// The folder it was started in.
    pub cwd: PathBuf,
    /// The variables that can make a difference to a worker and are no secret.
    pub variables: BTreeMap<String, String>,
    /// Names of all other variables that the worker was given.
    #[serde(default)]
    pub unrecorded: Vec<String>,
}

/// How an attempt ended; `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// What became of the worker.
    pub outcome: Outcome,
    /// Why the holder told the worker to stop, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopSource>,
    /// Whether the worker outlasted its grace and was killed by the holder. A SIGKILL without
    /// this came from elsewhere: from a person, or from a kernel that is out of memory.
    #[serde(default)]
    pub killed: bool,
    /// Processes that the worker left behind and the holder killed.
    #[serde(default)]
    pub orphans: u32,
    /// Whether next to nothing was free on the disk when the worker had ended, or that was what it
    /// complained of last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disk_full: bool,
    /// When the holder took up the attempt, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// When nothing was left of the worker, in milliseconds since the Unix epoch.
    pub ended_ms: i64,
}

/// What became of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It ended by itself; the codes are in [`experiments::protocol::exit`].
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// It never ran.
    NotStarted {
        /// What was tried and why it failed.
        message: String,
    },
}

impl Display for Exit {
    /// In a few words, for tables.
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match &self.outcome {
            Outcome::Exited { code } => write!(f, "exit {code}")?,
            Outcome::Signalled { signal } => write!(f, "signal {signal}")?,
            Outcome::NotStarted { .. } => f.write_str("not started")?,
        }
        match self.stop {
            Some(StopSource::Requested) => f.write_str(", asked to stop"),
            Some(StopSource::TimeLimit) => f.write_str(", out of time"),
            None => Ok(()),
        }
    }
}

/// Why a holder told its worker to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopSource {
    /// Somebody asked for it: the `stop` file, or a signal to the holder.
    Requested,
    /// [`Command::time_limit_secs`] were over.
    TimeLimit,
}

/// How a worker is made to stop; the later is the harder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopMode {
    /// It saves a checkpoint first, for which it has its grace.
    Graceful,
    /// It is not waited for.
    Immediate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_form_on_disk() {
        // Supervisors and holders of different builds may meet in one folder.
        let exit = Exit {
            outcome: Outcome::Exited { code: 75 },
            stop: Some(StopSource::TimeLimit),
            killed: false,
            orphans: 0,
            disk_full: false,
            started_ms: 1,
            ended_ms: 2,
        };
        let text = r#"{"outcome":{"exited":{"code":75}},"stop":"time-limit",
            "killed":false,"orphans":0,"started_ms":1,"ended_ms":2}"#;
        assert_eq!(serde_json::from_str::<Exit>(text).unwrap(), exit);
        assert_eq!(
            serde_json::to_value(&exit).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn a_stop_may_be_asked_for_twice() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        assert!(!attempt.stop_requested());
        attempt.request_stop().unwrap();
        attempt.request_stop().unwrap();
        assert!(attempt.stop_requested());
    }
}
