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

pub use orphans::end_leftovers;

use self::signals::Wake;
use self::stop_sequence::{Ladder, Step, Wish};
use self::worker::Worker;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::platform::disk_space;
use crate::platform::error_chain::chain;
use crate::platform::filesystem;
use crate::run_dir::attempt::{AttemptDir, Exit, Outcome, StopReason};
use crate::run_dir::claim::{self, ClaimError};
use crate::run_dir::log_tail;

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
    Claim(#[from] ClaimError),
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
    let wake = Wake::register().map_err(setup)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| setup(e.into()))?;
    let Some(_claim) = claim::take(attempt)? else { return Ok(Held::NotOurs) };
    let started_ms = clock::now_ms();
    let Ending { outcome, stop, killed, leftovers, disk_full } = match start(attempt, &wake) {
        Ok((worker, ladder)) => watch(attempt, &worker, ladder, &wake)?,
        Err(ending) => Ending { disk_full: disk_space::is_full(attempt.path()), ..ending },
    };
    let ended_ms = clock::now_ms();
    let exit = Exit { outcome, stop, killed, leftovers, disk_full, started_ms, ended_ms };
    atomic_file::write_json(&attempt.exit(), &exit)?;
    Ok(Held::ToTheEnd)
}

/// An [`Exit`] without its times.
struct Ending {
    outcome: Outcome,
    stop: Option<StopReason>,
    killed: bool,
    leftovers: u32,
    disk_full: bool,
}

impl Ending {
    fn not_started(message: String) -> Self {
        let outcome = Outcome::NotStarted { message };
        Self { outcome, stop: None, killed: false, leftovers: 0, disk_full: false }
    }
}

/// Starts the worker, or says why there is none.
fn start(attempt: &AttemptDir, wake: &Wake) -> Result<(Worker, Ladder), Ending> {
    if wish(attempt, wake) != Wish::GoOn {
        let message = "a stop was requested before the worker was started".to_owned();
        let stop = Some(StopReason::Requested);
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
    Ok((worker, Ladder::new(&command)))
}

/// Waits for the worker's end, hastens it if it must stop, and ends what it leaves behind.
fn watch(
    attempt: &AttemptDir,
    worker: &Worker,
    mut ladder: Ladder,
    wake: &Wake,
) -> Result<Ending, HoldError> {
    let start = Instant::now();
    let poll = filesystem::network(attempt.path()).map_or(POLL, |_| POLL_ON_NETWORK);
    let outcome = loop {
        if let Some(outcome) = worker.ended().map_err(HoldError::Wait)? {
            break outcome;
        }
        orphans::reap_orphans(worker.pid());
        match ladder.climb(start.elapsed(), wish(attempt, wake)) {
            Some(Step::Ask) => worker.ask_to_stop(),
            Some(Step::Kill) => worker.kill_group(),
            None => wake.wait(poll),
        }
    };
    // At once: room may be made any moment.
    let disk_full = was_full(attempt);
    let leftovers = orphans::end_descendants(worker, wake);
    Ok(Ending { outcome, stop: ladder.reason(), killed: ladder.killed(), leftovers, disk_full })
}

fn wish(attempt: &AttemptDir, wake: &Wake) -> Wish {
    if attempt.kill_requested() {
        Wish::End
    } else if wake.stop_requested() || attempt.stop_requested() {
        Wish::Stop
    } else {
        Wish::GoOn
    }
}

/// What the system calls it, whatever language a program is written in.
const BY_NAME: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Whether a worker that has just ended did so on a full disk: it is, or the worker's last words
/// are that it was, for room may have been made since.
fn was_full(attempt: &AttemptDir) -> bool {
    disk_space::is_full(attempt.path()) || log_tail::complains_of(attempt, &BY_NAME)
}
