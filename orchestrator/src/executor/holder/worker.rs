//! The worker's process: starting, waiting and signalling.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};

use experiments::regular_file;
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::environment;
use super::records::AttemptRecords;
use crate::platform::atomic_file::{self, FileError};
use crate::run_dir::attempt::{AttemptDir, Command, Outcome};

/// A worker could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("the command is empty")]
    NoProgram,
    #[error("cannot start `{program}`: there is no working directory `{}`", cwd.display())]
    NoFolder { program: String, cwd: PathBuf },
    #[error("cannot start `{program}`: no such program in PATH (`{path}`)")]
    NotInPath { program: String, path: String },
    #[error("cannot start `{program}`: no such file relative to `{}`", cwd.display())]
    NoSuchFile { program: String, cwd: PathBuf },
    #[error("cannot start `{program}`")]
    Spawn { program: String, source: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
}

/// A started worker. Its process id cannot be reused until it is reaped.
#[derive(Debug)]
pub(super) struct Worker {
    pid: Pid,
}

impl Worker {
    /// Starts `command` in a process group of its own; the kernel kills it when this process dies. Its
    /// environment becomes one of the `records`.
    pub(super) fn start(
        attempt: &AttemptDir,
        command: &Command,
        records: &mut AttemptRecords,
    ) -> Result<Self, StartError> {
        let Some((program, arguments)) = command.argv.split_first() else {
            return Err(StartError::NoProgram);
        };
        let variables = environment::of_worker(std::env::vars_os(), &command.env);
        let environment = environment::record(&variables, command);
        let seal = atomic_file::place_private_json(&attempt.env(), &environment)?;
        records.add(attempt, &attempt.env(), seal);
        let mut process = process::Command::new(program);
        process
            .args(arguments)
            .current_dir(&command.cwd)
            .env_clear()
            .envs(&variables)
            .stdin(Stdio::null())
            .stdout(log(&attempt.stdout())?)
            .stderr(log(&attempt.stderr())?)
            .process_group(0);
        let holder = rustix::process::getpid();
        // Inherited by all that it starts, wherever that redirects its output: an orphan that has left
        // its environment is known by it.
        let mark = log(&attempt.stdout())?;
        #[expect(
            unsafe_code,
            reason = "the closure only makes system calls and allocates nothing, as it must \
                      between fork and exec"
        )]
        unsafe {
            process.pre_exec(move || prepare(holder, &mark));
        }
        let child = process.spawn().map_err(|e| {
            let path = variables.get(&OsString::from("PATH"));
            explain(e, program, &command.cwd, &path.cloned().unwrap_or_default())
        })?;
        Ok(Self { pid: Pid::from_child(&child) })
    }

    /// The process id, which is also its group's.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// `None` while it runs. Once ended it stays a zombie, so that its id is not reused.
    pub(super) fn outcome(&self) -> io::Result<Option<Outcome>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let Some(status) = rustix::process::waitid(WaitId::Pid(self.pid), options)? else {
            return Ok(None);
        };
        Ok(Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Outcome::Exited { code },
            (None, signal) => Outcome::Signalled { signal: signal.unwrap_or_default() },
        }))
    }

    /// Sends SIGTERM to the worker alone: its children are its own to stop, after the checkpoint.
    pub(super) fn terminate(&self) {
        // It can only fail for a worker that has ended, which the next poll shows.
        let _ = rustix::process::kill_process(self.pid, Signal::TERM);
    }

    /// Sends SIGKILL to the worker and to all that is left of its process group.
    pub(super) fn kill_group(&self) {
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
    }
}

/// Runs in the child, before it becomes the worker, which inherits `mark`.
fn prepare(holder: Pid, mark: &File) -> io::Result<()> {
    rustix::io::fcntl_setfd(mark, FdFlags::empty())?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The holder may have died before the line above.
    match rustix::process::getppid() {
        Some(parent) if parent == holder => Ok(()),
        _ => Err(rustix::io::Errno::SRCH.into()),
    }
}

fn log(path: &Path) -> Result<File, FileError> {
    regular_file::open_with(File::options().create(true).append(true), path)
        .map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// "Not found" may mean the program, its folder or the working directory.
fn explain(source: io::Error, program: &str, cwd: &Path, path: &OsString) -> StartError {
    let program = program.to_owned();
    if source.kind() != io::ErrorKind::NotFound {
        StartError::Spawn { program, source }
    } else if !cwd.is_dir() {
        StartError::NoFolder { program, cwd: cwd.to_owned() }
    } else if program.contains('/') {
        StartError::NoSuchFile { program, cwd: cwd.to_owned() }
    } else {
        StartError::NotInPath { program, path: path.to_string_lossy().into_owned() }
    }
}
