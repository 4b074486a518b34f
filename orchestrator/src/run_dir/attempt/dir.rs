//! The paths of an attempt's files, and reading its records.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Code, Event};

use super::{Command, Environment, Exit};
use crate::platform::atomic_file::{self, FileError};
use crate::run_dir::event_lines;
use crate::run_dir::provenance::Imported;

/// The folder `trials/<id>/attempt-N/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptDir(PathBuf);

impl AttemptDir {
    /// The folder of attempt `number` (from 1) in the folder of its trial.
    pub fn new(trial: &Path, number: u32) -> Self {
        Self(trial.join(format!("attempt-{number}")))
    }

    /// The folder of an attempt at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the folder and writes `command.json`: the attempt can now be started.
    pub fn prepare(&self, command: &Command) -> Result<(), FileError> {
        self.create().map_err(|source| FileError::Write { path: self.0.clone(), source })?;
        atomic_file::place_private_json(&self.command(), command).map(drop)
    }

    /// Makes the folder if it is missing. Only its user may read it, since it tells the worker's
    /// environment.
    pub(crate) fn create(&self) -> io::Result<()> {
        if let Some(trial) = self.0.parent() {
            std::fs::create_dir_all(trial)?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// The trial's attempts before this one, the newest first.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = Self> {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        let number = name.strip_prefix("attempt-").and_then(|number| number.parse().ok());
        (1..number.unwrap_or(1)).rev().map(|number| Self::new(self.trial(), number))
    }

    /// The name of one of its files, relative to the trial's folder: `attempt-1/events.jsonl`.
    pub(crate) fn name_of(&self, file: &Path) -> String {
        file.strip_prefix(self.trial()).unwrap_or(file).to_string_lossy().into_owned()
    }

    /// The same folder by its absolute path.
    #[must_use]
    pub(crate) fn absolute(&self) -> Self {
        Self(std::path::absolute(&self.0).unwrap_or_else(|_| self.0.clone()))
    }

    /// The folder of its trial.
    pub(crate) fn trial(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The [`Command`] to run, written by the supervisor.
    pub fn command(&self) -> PathBuf {
        self.0.join("command.json")
    }

    /// The files that its points were imported from: [`Imported`].
    pub(crate) fn imported(&self) -> PathBuf {
        self.0.join("imported.json")
    }

    /// The difference of the worker's code from its commit, in the format of `git diff`.
    pub(crate) fn code_diff(&self) -> PathBuf {
        self.0.join("code.diff")
    }

    /// The machine and the [`Environment`] that it ran in, written by the holder.
    pub fn env(&self) -> PathBuf {
        self.0.join("env.json")
    }

    /// The Slurm job that it belongs to, if it runs on a cluster: [`crate::executor::slurm::Job`].
    pub(crate) fn job(&self) -> PathBuf {
        self.0.join("job.json")
    }

    /// The attempt's [`Owner`](crate::run_dir::ownership::Owner); locked while its holder lives.
    pub(crate) fn owner(&self) -> PathBuf {
        self.0.join("owner")
    }

    /// The worker's standard output.
    pub fn stdout(&self) -> PathBuf {
        self.0.join("stdout.log")
    }

    /// The worker's standard error.
    pub fn stderr(&self) -> PathBuf {
        self.0.join("stderr.log")
    }

    /// Errors of the holder itself; usually empty.
    pub fn holder_log(&self) -> PathBuf {
        self.0.join("holder.log")
    }

    /// The worker's events: one [`experiments::protocol::events::Line`] a line.
    pub fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }

    /// Its use of CPU, memory and GPUs, sampled while it ran: one [`crate::run_dir::system_samples::SystemSample`] a
    /// line. There is none of a short attempt.
    pub(crate) fn system(&self) -> PathBuf {
        self.0.join("system.jsonl")
    }

    /// Its [`Exit`], written by the holder after everything else.
    pub(crate) fn exit(&self) -> PathBuf {
        self.0.join("exit.json")
    }

    /// The holder stops the worker once this file exists.
    pub(crate) fn stop(&self) -> PathBuf {
        self.0.join("stop")
    }

    /// The holder kills the worker once this file exists beside `stop`.
    pub(crate) fn kill(&self) -> PathBuf {
        self.0.join("kill")
    }

    /// The command to run; `None` before [`AttemptDir::prepare`].
    pub fn read_command(&self) -> Result<Option<Command>, FileError> {
        atomic_file::read_json(&self.command())
    }

    /// The folder of which this is a copy ([`Command::original`]); `None` if it is none, or that cannot
    /// be told.
    pub(crate) fn original(&self) -> Option<PathBuf> {
        let command = self.read_command().ok().flatten()?;
        command.original(&self.0).map(Path::to_owned)
    }

    /// The origin of its points if they were imported; `None` if a worker was run.
    pub(crate) fn read_imported(&self) -> Result<Option<Imported>, FileError> {
        atomic_file::read_json(&self.imported())
    }

    /// The worker's code, the first of its events; `None` before it is started, or if no code is known.
    pub(crate) fn read_code(&self) -> Result<Option<Code>, FileError> {
        let path = self.events();
        match event_lines::first_event(&path) {
            Ok(Some(Event::Code(code))) => Ok(Some(code)),
            Ok(_) => Ok(None),
            Err(source) => Err(FileError::Read { path, source }),
        }
    }

    /// The environment that it ran in; `None` before a worker is started.
    pub fn read_env(&self) -> Result<Option<Environment>, FileError> {
        atomic_file::read_json(&self.env())
    }

    /// The attempt's end; `None` while it has not ended, or if its holder was killed.
    /// [`crate::run_dir::ownership::attempt_status`] tells the two apart.
    pub fn read_exit(&self) -> Result<Option<Exit>, FileError> {
        atomic_file::read_json(&self.exit())
    }

    /// Requests that the holder, on whatever machine it runs, stops the worker. Idempotent.
    pub fn request_stop(&self) -> io::Result<()> {
        make(&self.stop())
    }

    /// Requests that the holder kills the worker at once, without waiting for a checkpoint.
    pub fn request_kill(&self) -> io::Result<()> {
        make(&self.kill())?;
        self.request_stop()
    }

    /// True if the worker is to be killed without waiting for a checkpoint.
    pub(crate) fn kill_requested(&self) -> bool {
        self.kill().exists()
    }

    /// True once a stop has been requested, graceful or immediate.
    pub fn stop_requested(&self) -> bool {
        self.stop().exists()
    }
}

/// Makes an empty file. Whatever has its name already serves as well.
fn make(path: &Path) -> io::Result<()> {
    match fs_err::File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_may_be_requested_twice() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        assert!(!attempt.stop_requested());
        attempt.request_stop().unwrap();
        attempt.request_stop().unwrap();
        assert!(attempt.stop_requested());
    }
}
