//! What wakes a waiting holder: a child's end, a signal that asks for a stop, or a timeout.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// Signals that ask for a stop. Slurm and others send SIGUSR1 as a warning ahead of SIGTERM.
const STOP_SIGNALS: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1];

/// The receiving end of this process's signals.
#[derive(Debug)]
pub(super) struct Signals {
    signals: UnixStream,
    stop: Arc<AtomicBool>,
}

impl Signals {
    /// From now on signals signals [`Signals::wait`]; one that comes before it is called is not lost.
    pub(super) fn register() -> io::Result<Self> {
        let (signals, sender) = UnixStream::pair()?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in STOP_SIGNALS {
            flag::register(signal, Arc::clone(&stop))?;
        }
        for signal in STOP_SIGNALS.into_iter().chain([SIGCHLD]) {
            pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(Self { signals, stop })
    }

    /// Sleeps until a signal comes, at most for `timeout`, which must not be zero.
    pub(super) fn wait(&self, timeout: Duration) {
        // Whatever ends the read, timeout and interruption too, the caller looks around again.
        let _ = self.signals.set_read_timeout(Some(timeout));
        let _ = (&self.signals).read(&mut [0; 64]);
    }

    /// Whether a signal has asked for a stop.
    pub(super) fn stop_requested(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
