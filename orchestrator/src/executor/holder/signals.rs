//! The signals that end a holder's wait: a child's end, or a request to stop.

use std::cell::Cell;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// Signals that request a stop. Slurm and others send SIGUSR1 as a warning ahead of SIGTERM.
const STOP_SIGNALS: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1];

/// The receiving end of this process's signals.
#[derive(Debug)]
pub(super) struct Signals {
    pipe: UnixStream,
    /// The pipe's read timeout.
    timeout: Cell<Duration>,
    stop: Arc<AtomicBool>,
}

impl Signals {
    /// From now on every signal ends a [`Signals::wait`], also one that comes before the wait.
    pub(super) fn register() -> io::Result<Self> {
        let (pipe, sender) = UnixStream::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in STOP_SIGNALS {
            flag::register(signal, Arc::clone(&stop))?;
        }
        for signal in STOP_SIGNALS.into_iter().chain([SIGCHLD]) {
            pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self { pipe, timeout: Cell::new(Duration::ZERO), stop })
    }

    /// Sleeps until a signal comes, at most for `timeout`, which must not be zero.
    pub(super) fn wait(&self, timeout: Duration) {
        // However the read ends, by timeout and interruption too, the caller polls again.
        if self.timeout.replace(timeout) != timeout {
            let _ = self.pipe.set_read_timeout(Some(timeout));
        }
        let _ = (&self.pipe).read(&mut [0; 64]);
    }

    /// True once a signal has requested a stop.
    pub(super) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
