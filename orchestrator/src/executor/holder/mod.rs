//! The holder: the small parent of one worker, behind the hidden `orch hold DIR`.
//!
//! It claims the attempt, starts the worker, tells it to stop, ends whatever the worker leaves
//! behind and records the end, whether or not any supervisor lives. It has one thread only: the
//! worker's death signal is bound to the thread that started it.

mod environment;
mod orphans;
mod signals;
mod stop_sequence;
mod worker;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use orphans::end_orphans;

use self::signals::Signals;
use self::stop_sequence::{StopAction, StopSequence};
use self::worker::Worker;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::platform::disk_space;
use crate::platform::error_chain::chain;
use crate::platform::filesystem;
use crate::run_dir::attempt::{AttemptDir, Exit, Outcome, StopMode, StopSource};
use crate::run_dir::log_tail;
use crate::run_dir::ownership::{self, OwnershipError};

/// How often the `stop` file is looked for.
const POLL: Duration = Duration::from_millis(100);

/// The same on a network file system, where hundreds of holders look on one server. A cluster's
/// executor hastens a stop by a signal.
const POLL_ON_NETWORK: Duration = Duration::from_secs(2);

/// What [`hold`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The attempt is over and its `exit.json` written.
    ToTheEnd,
    /// Somebody else has the attempt; nothing was done.
    NotOurs,
}

/// The holder could not do its work; no `exit.json` was written.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The process could not be set up.
    #[error("cannot prepare to hold `{}`", path.display())]
    Setup {
        /// The attempt's folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The claim failed for another reason than being taken.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The worker could not be waited for.
    #[error("cannot wait for the worker")]
    Wait(#[source] io::Error),
    /// The end could not be recorded.
    #[error(transparent)]
    Record(#[from] FileError),
}

/// Carries `attempt` to its end. Call it in a process of its own that has one thread.
///
/// SIGTERM, SIGINT, SIGHUP and SIGUSR1 to this process ask for a stop, as the `stop` file does.
/// The claim stays locked until this returns, after `exit.json` was written.
pub fn hold(attempt: &AttemptDir) -> Result<Held, HoldError> {
    let setup = |source| HoldError::Setup { path: attempt.path().to_owned(), source };
    let signals = Signals::register().map_err(setup)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| setup(e.into()))?;
    let Some(_claim) = ownership::acquire(attempt)? else { return Ok(Held::NotOurs) };
    let started_ms = clock::now_ms();
    let Ending { outcome, stop, killed, orphans, disk_full } = match start(attempt, &signals) {
        Ok((worker, sequence)) => watch(attempt, &worker, sequence, &signals)?,
        Err(ending) => Ending { disk_full: disk_space::is_full(attempt.path()), ..ending },
    };
    let ended_ms = clock::now_ms();
    let exit = Exit { outcome, stop, killed, orphans, disk_full, started_ms, ended_ms };
    atomic_file::write_json(&attempt.exit(), &exit)?;
    Ok(Held::ToTheEnd)
}

/// An [`Exit`] without its times.
struct Ending {
    outcome: Outcome,
    stop: Option<StopSource>,
    killed: bool,
    orphans: u32,
    disk_full: bool,
}

impl Ending {
    fn not_started(message: String) -> Self {
        let outcome = Outcome::NotStarted { message };
        Self { outcome, stop: None, killed: false, orphans: 0, disk_full: false }
    }
}

/// Starts the worker, or says why there is none.
fn start(attempt: &AttemptDir, signals: &Signals) -> Result<(Worker, StopSequence), Ending> {
    if requested_stop(attempt, signals).is_some() {
        let message = "a stop was requested before the worker was started".to_owned();
        let stop = Some(StopSource::Requested);
        return Err(Ending { stop, ..Ending::not_started(message) });
    }
    let failed = |e: &dyn Error| Ending::not_started(chain(e));
    let command = match attempt.read_command() {
        Ok(Some(command)) => command,
        Ok(None) => {
            let path = attempt.command();
            return Err(Ending::not_started(format!("there is no `{}`", path.display())));
        }
        Err(e) => return Err(failed(&e)),
    };
    let worker = Worker::start(attempt, &command).map_err(|e| failed(&e))?;
    Ok((worker, StopSequence::new(&command)))
}

/// Waits for the worker's end, hastens it if it must stop, and ends what it leaves behind.
fn watch(
    attempt: &AttemptDir,
    worker: &Worker,
    mut sequence: StopSequence,
    signals: &Signals,
) -> Result<Ending, HoldError> {
    let start = Instant::now();
    let poll = filesystem::network(attempt.path()).map_or(POLL, |_| POLL_ON_NETWORK);
    let outcome = loop {
        if let Some(outcome) = worker.ended().map_err(HoldError::Wait)? {
            break outcome;
        }
        orphans::reap_orphans(worker.pid());
        match sequence.advance(start.elapsed(), requested_stop(attempt, signals)) {
            Some(StopAction::Ask) => worker.ask_to_stop(),
            Some(StopAction::Kill) => worker.kill_group(),
            None => signals.wait(poll),
        }
    };
    // At once: room may be made any moment.
    let disk_full = was_full(attempt);
    let orphans = orphans::end_descendants(worker, signals);
    Ok(Ending { outcome, stop: sequence.reason(), killed: sequence.killed(), orphans, disk_full })
}

fn requested_stop(attempt: &AttemptDir, signals: &Signals) -> Option<StopMode> {
    if attempt.kill_requested() {
        Some(StopMode::Immediate)
    } else if signals.stop_requested() || attempt.stop_requested() {
        Some(StopMode::Graceful)
    } else {
        None
    }
}

/// What the system calls it, whatever language a program is written in.
const BY_NAME: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Whether a worker that has just ended did so on a full disk: it is, or the worker's last words
/// are that it was, for room may have been made since.
fn was_full(attempt: &AttemptDir) -> bool {
    disk_space::is_full(attempt.path()) || log_tail::complains_of(attempt, &BY_NAME)
}
