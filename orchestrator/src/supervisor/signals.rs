//! The signals that wake a supervisor.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The event for which the supervisor polls its attempts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wakeup {
    /// The poll interval is over.
    Tick,
    /// SIGINT or SIGTERM: the run is to stop.
    Interrupted,
    /// A holder that was started here has ended, and its slots are free.
    HolderEnded,
}

/// The signals that a supervisor handles.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn next(&mut self) -> Wakeup {
        tokio::select! {
            _ = self.interrupt.recv() => Wakeup::Interrupted,
            _ = self.terminate.recv() => Wakeup::Interrupted,
        }
    }
}
