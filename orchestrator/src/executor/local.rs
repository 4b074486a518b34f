//! Starts holders on this machine, each in a session of its own, so that neither a closed
//! terminal nor the end of this process affects them.

use std::collections::BTreeMap;
use std::future;
use std::io;
use std::path::PathBuf;

use super::fork_server::{End, ForkServer};
use crate::run_dir::attempt::AttemptDir;
use crate::slots::Lease;

/// The holders that this process has started and that have not ended, as far as it knows.
#[derive(Debug)]
pub struct Local {
    program: PathBuf,
    /// `None` before the first start, and after its end.
    server: Option<ForkServer>,
    holders: BTreeMap<u64, AttemptDir>,
    next_id: u64,
    /// Holders of a server that has gone.
    ended: Vec<EndedHolder>,
}

/// A holder could not be started; the attempt is as it was.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the holder of `{}`", attempt.display())]
pub struct StartError {
    attempt: PathBuf,
    source: io::Error,
}

/// A holder that has ended, whether or not it has completed its attempt.
#[derive(Debug)]
pub struct EndedHolder {
    /// Its attempt.
    pub attempt: AttemptDir,
    /// The system's error if it was never started.
    pub not_started: Option<io::Error>,
}

impl Local {
    /// Holders are this program, also if its file has been replaced meanwhile.
    pub fn new() -> Self {
        Self::with_program("/proc/self/exe")
    }

    /// Holders are forked by `program fork-server`.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            server: None,
            holders: BTreeMap::new(),
            next_id: 0,
            ended: Vec::new(),
        }
    }

    /// Starts the holder of `attempt`, which must be prepared. The holder and its worker get
    /// `lease`, so that it ends with the last of them.
    pub fn start(&mut self, attempt: &AttemptDir, lease: Lease) -> Result<(), StartError> {
        self.fork(attempt, lease)
            .map_err(|source| StartError { attempt: attempt.path().to_owned(), source })
    }

    fn fork(&mut self, attempt: &AttemptDir, lease: Lease) -> io::Result<()> {
        let path = std::path::absolute(attempt.path())?;
        let (id, slots) = (self.next_id, lease.into_descriptors());
        self.next_id += 1;
        let asked = self.server()?.fork(id, &path, &slots);
        if asked.is_err() {
            // It was killed.
            self.give_up_server();
            self.server()?.fork(id, &path, &slots)?;
        }
        self.holders.insert(id, attempt.clone());
        Ok(())
    }

    /// The holders that have ended since the last call. Call it regularly.
    pub fn reap(&mut self) -> Vec<EndedHolder> {
        if let Some(server) = &self.server {
            match server.ended() {
                Ok(ends) => self.ended.extend(ends.into_iter().filter_map(|End { id, failed }| {
                    let attempt = self.holders.remove(&id)?;
                    Some(EndedHolder { attempt, not_started: failed.map(io::Error::from) })
                })),
                Err(_) => self.give_up_server(),
            }
        }
        std::mem::take(&mut self.ended)
    }

    /// Waits until [`Self::reap`] has something to tell.
    pub(crate) async fn wait(&self) {
        match &self.server {
            // An error is told by `reap`.
            Some(server) => drop(server.wait().await),
            None => future::pending().await,
        }
    }

    fn server(&mut self) -> io::Result<&ForkServer> {
        if self.server.is_none() {
            self.server = Some(ForkServer::start(&self.program)?);
        }
        Ok(self.server.as_ref().expect("just started"))
    }

    /// Forgets a server that has gone. Its holders may live, and then have the locks of their attempts.
    fn give_up_server(&mut self) {
        self.server = None;
        let holders = std::mem::take(&mut self.holders).into_values();
        self.ended.extend(holders.map(|attempt| EndedHolder { attempt, not_started: None }));
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}
