//! The holder: the small parent process of one worker, a fork of the fork server or, on a cluster, the
//! hidden `orch hold DIR`.
//!
//! It becomes the attempt's owner, starts the worker, tells it to stop, ends its orphans and records
//! its end, independently of any supervisor. It has one thread only: the worker's death signal is
//! bound to the thread that started it.

mod code;
mod environment;
mod metrics;
mod orphans;
mod records;
mod sampler;
mod signals;
mod stop_sequence;
mod stopped;
mod transient;
mod worker;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use experiments::protocol::exit;
use experiments::regular_file;

use self::metrics::MetricReader;
use self::records::AttemptRecords;
use self::sampler::Sampler;
use self::signals::Signals;
use self::stop_sequence::{StopAction, StopSequence};
use self::worker::Worker;
use crate::code::CodeAndDiff;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::platform::disk_space;
use crate::platform::error_chain::chain;
use crate::platform::{filesystem, line_reader};
use crate::run_dir::attempt::{AttemptDir, Command, Exit, Outcome, StopMode, StopSource};
use crate::run_dir::log_tail;
use crate::run_dir::ownership::{self, OwnershipError};

pub use self::orphans::end_orphans;
pub use self::stopped::continue_stopped;

/// Interval between checks for a `stop` file.
const POLL: Duration = Duration::from_millis(200);

/// The same on a network file system, where hundreds of holders poll one server. A cluster's executor
/// sends a signal as well.
const POLL_ON_NETWORK: Duration = Duration::from_secs(2);

/// The result of [`hold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The attempt is over and its `exit.json` written.
    Completed,
    /// The attempt has another owner; nothing was done.
    OwnedByAnother,
}

/// The holder failed before it could write `exit.json`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HoldError {
    /// The process could not be set up.
    #[error("cannot prepare to hold `{}`", path.display())]
    Setup {
        /// The attempt's folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Ownership failed for another reason than that there is an owner.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The worker could not be waited for.
    #[error("cannot wait for the worker")]
    Wait(#[source] io::Error),
    /// `exit.json` could not be written.
    #[error(transparent)]
    Record(#[from] FileError),
}

/// Runs `attempt` to its end. Call it in a process of its own that has one thread.
///
/// SIGTERM, SIGINT, SIGHUP and SIGUSR1 to this process request a stop, as the `stop` file does.
/// The worker's code is read where it is not `known`. The attempt stays owned until this returns, after
/// `exit.json` was written, which counts from then on.
pub(crate) fn hold(
    attempt: &AttemptDir,
    known: Option<Rc<CodeAndDiff>>,
) -> Result<Held, HoldError> {
    let setup_failed = |source| HoldError::Setup { path: attempt.path().to_owned(), source };
    let signals = Signals::register().map_err(setup_failed)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| setup_failed(e.into()))?;
    let Some(ownership) = ownership::acquire(attempt)? else { return Ok(Held::OwnedByAnother) };
    let started_ms = clock::now_ms();
    let mut records = AttemptRecords::new(attempt);
    let end = match start(attempt, &signals, known, &mut records) {
        Ok(started) => watch(attempt, started, &signals, &mut records)?,
        Err(end) => WorkerEnd { disk_full: disk_space::is_full(attempt.path()), ..end },
    };
    let WorkerEnd { outcome, stop, killed, stopped_early, orphans, disk_full } = end;
    let nonce = ownership.nonce().to_owned();
    let exit = Exit {
        outcome,
        stop,
        killed,
        stopped_early,
        orphans,
        disk_full,
        empty_logs: remove_empty_logs(attempt),
        files: records.complete(attempt)?,
        started_ms,
        ended_ms: clock::now_ms(),
        nonce,
    };
    atomic_file::place_json(&attempt.exit(), &exit)?;
    // It counts once the attempt is released.
    atomic_file::sync_all(&[attempt.exit(), attempt.path().to_owned()])?;
    Ok(Held::Completed)
}

/// Ends the events of `attempt` and appends the metrics that its holder, which was killed, had not read
/// yet. `command` is the attempt's; `None` if it is unknown. Call it after [`end_orphans`].
pub(crate) fn read_rest(attempt: &AttemptDir, command: Option<&Command>) -> Result<(), FileError> {
    written(attempt, line_reader::end_last_line(&attempt.events()))?;
    match command.filter(|command| !command.metrics.is_empty()) {
        Some(command) => written(attempt, MetricReader::finish_lost(attempt, command)),
        None => Ok(()),
    }
}

/// An error unless events were written, or there is no file to write them to: whoever reads the events
/// says then what is there in its place.
fn written(attempt: &AttemptDir, written: io::Result<()>) -> Result<(), FileError> {
    match written {
        Err(error) if regular_file::is_fault_of_file(&error) => Ok(()),
        written => written.map_err(|source| FileError::Write { path: attempt.events(), source }),
    }
}

/// The end of a worker, of which its [`Exit`] is made.
struct WorkerEnd {
    outcome: Outcome,
    stop: Option<StopSource>,
    killed: bool,
    stopped_early: bool,
    orphans: u32,
    disk_full: bool,
}

impl WorkerEnd {
    fn not_started(message: String) -> Self {
        let outcome = Outcome::NotStarted { message, transient: false };
        Self {
            outcome,
            stop: None,
            killed: false,
            stopped_early: false,
            orphans: 0,
            disk_full: false,
        }
    }

    fn start_failed(error: &(dyn Error + 'static)) -> Self {
        let outcome = Outcome::NotStarted {
            message: chain(error),
            transient: transient::is_transient(error),
        };
        Self { outcome, ..Self::not_started(String::new()) }
    }
}

/// A worker that was started, and what is done with it.
struct Started {
    worker: Worker,
    sequence: StopSequence,
    metrics: MetricReader,
    sampler: Sampler,
}

/// Starts the worker; `Err` with the attempt's end if that is impossible.
fn start(
    attempt: &AttemptDir,
    signals: &Signals,
    known: Option<Rc<CodeAndDiff>>,
    records: &mut AttemptRecords,
) -> Result<Started, WorkerEnd> {
    if requested_stop(attempt, signals).is_some() {
        let message = "a stop was requested before the worker was started".to_owned();
        let stop = Some(StopSource::Requested);
        return Err(WorkerEnd { stop, ..WorkerEnd::not_started(message) });
    }
    let command = match attempt.read_command() {
        Ok(Some(command)) => command,
        Ok(None) => {
            let path = attempt.command();
            return Err(WorkerEnd::not_started(format!("there is no `{}`", path.display())));
        }
        Err(e) => return Err(WorkerEnd::start_failed(&e)),
    };
    if let Some(code) = &command.code {
        code::record(attempt, code, known, records).map_err(|e| WorkerEnd::start_failed(&e))?;
    }
    // First: what is in the files by now is not the worker's.
    let metrics = MetricReader::new(attempt, &command).map_err(WorkerEnd::not_started)?;
    match Worker::start(attempt, &command, records) {
        Ok(worker) => {
            let sequence = StopSequence::new(&command);
            Ok(Started { worker, sequence, metrics, sampler: Sampler::new(&command) })
        }
        Err(e) => Err(WorkerEnd::start_failed(&e)),
    }
}

/// Waits for the worker's end, reads its metrics meanwhile, stops it if that is requested, and ends its
/// orphans.
fn watch(
    attempt: &AttemptDir,
    started: Started,
    signals: &Signals,
    records: &mut AttemptRecords,
) -> Result<WorkerEnd, HoldError> {
    let Started { worker, mut sequence, mut metrics, mut sampler } = started;
    records.seal_records(attempt)?;
    records.read();
    let start = Instant::now();
    let poll = filesystem::network(attempt.path()).map_or(POLL, |_| POLL_ON_NETWORK);
    let outcome = loop {
        if let Some(outcome) = worker.outcome().map_err(HoldError::Wait)? {
            break outcome;
        }
        orphans::reap_orphans(worker.pid());
        metrics.read();
        records.read();
        sampler.poll(attempt, start.elapsed());
        match sequence.advance(start.elapsed(), requested_stop(attempt, signals)) {
            Some(StopAction::Terminate) => worker.terminate(),
            Some(StopAction::Kill) => worker.kill_group(),
            None => signals.wait(poll),
        }
    };
    // At once: space may be freed any moment.
    let disk_full = ended_on_a_full_disk(attempt);
    let orphans = orphans::end_descendants(&worker, sampler.pid(), signals);
    written(attempt, line_reader::end_last_line(&attempt.events()))?;
    let (stop, killed) = (sequence.source(), sequence.killed());
    let exited_well = outcome == Outcome::Exited { code: exit::WORKER_DONE };
    let stopped_early = exited_well && stop.is_some() && !metrics.has_result();
    written(attempt, metrics.finish(exited_well && stop.is_none()))?;
    Ok(WorkerEnd { outcome, stop, killed, stopped_early, orphans, disk_full })
}

/// Removes the logs of a worker that has printed nothing, so that thousands of trials have fewer files;
/// returns their names.
fn remove_empty_logs(attempt: &AttemptDir) -> Vec<String> {
    let is_empty =
        |log: &PathBuf| log.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
    let logs = [attempt.stdout(), attempt.stderr()].into_iter().filter(is_empty);
    let removed = logs.filter(|log| std::fs::remove_file(log).is_ok());
    removed.map(|log| attempt.name_of(&log)).collect()
}

fn requested_stop(attempt: &AttemptDir, signals: &Signals) -> Option<StopMode> {
    if attempt.stop_requested() {
        // The `kill` file is made first.
        let is_kill = attempt.kill_requested();
        Some(if is_kill { StopMode::Immediate } else { StopMode::Graceful })
    } else {
        signals.stop_requested().then_some(StopMode::Graceful)
    }
}

/// The C library's messages for ENOSPC and EDQUOT, which programs print in any language.
const DISK_FULL_MESSAGES: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// True if the disk is full, or if the log of the worker, which has just ended, closes with the error
/// that it was: space may have been freed since.
fn ended_on_a_full_disk(attempt: &AttemptDir) -> bool {
    disk_space::is_full(attempt.path()) || log_tail::complains_of(attempt, &DISK_FULL_MESSAGES)
}
