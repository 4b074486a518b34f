//! Requests to a run's supervisor, as files in `requests/`: the process that has the supervisor's lock
//! does what is requested, records that in the journal, and then removes the file.

use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::trial_id::TrialId;
use serde::{Deserialize, Serialize};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::StopMode;

/// A request to a run's supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Stop these trials, which are then cancelled.
    Stop {
        /// The trials' ids.
        trials: Vec<TrialId>,
        /// The way in which their attempts are stopped.
        mode: StopMode,
    },
    /// Stop the run, which `orch run` can continue.
    StopAll {
        /// The way in which all attempts are stopped.
        mode: StopMode,
    },
    /// Retry these trials.
    Retry {
        /// The trials' ids.
        trials: Vec<TrialId>,
    },
    /// Remove files that are not needed any more; see `supervisor::retention`.
    CollectGarbage,
}

/// A request that has not been handled yet.
#[derive(Debug)]
pub(crate) struct Pending {
    path: PathBuf,
    /// Its content, if that can be parsed.
    pub(crate) request: Result<Request, FileError>,
}

/// Writes a request to the run's folder and returns its file, which is gone once it is handled.
pub(crate) fn submit(run: &RunDir, request: &Request) -> Result<PathBuf, FileError> {
    let folder = run.requests();
    fs_err::create_dir_all(&folder)
        .map_err(|source| FileError::Write { path: folder.clone(), source })?;
    // Names sort by time; a process submits one request.
    let path = folder.join(format!("{:013}-{}.json", clock::now_ms(), std::process::id()));
    atomic_file::write_json(&path, request)?;
    Ok(path)
}

/// Every pending request, the oldest first.
pub(crate) fn pending(run: &RunDir) -> io::Result<Vec<Pending>> {
    let entries = match std::fs::read_dir(run.requests()) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    // Others are temporary files, and folders are nobody's request.
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json") && !path.is_dir());
    paths.sort();
    Ok(paths.into_iter().filter_map(read).collect())
}

fn read(path: PathBuf) -> Option<Pending> {
    // `None` if another process has just handled it.
    let request = atomic_file::read_json(&path).transpose()?;
    Some(Pending { path, request })
}

impl Pending {
    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file: the request has been handled or rejected.
    pub(crate) fn remove(self) -> Result<(), FileError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FileError::Write { path: self.path, source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_pending_in_their_order_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path(), "run");
        assert!(pending(&run).unwrap().is_empty());
        let stop = Request::StopAll { mode: StopMode::Immediate };
        let path = submit(&run, &stop).unwrap();
        std::fs::write(path.with_file_name("0.json"), "{}").unwrap();
        std::fs::write(path.with_file_name(".torn"), "{").unwrap();
        let mut waiting = pending(&run).unwrap().into_iter();
        let (first, second) = (waiting.next().unwrap(), waiting.next().unwrap());
        assert!(waiting.next().is_none());
        assert!(matches!(first.request, Err(FileError::Malformed { .. })));
        assert_eq!(second.request.as_ref().unwrap(), &stop);
        first.remove().unwrap();
        second.remove().unwrap();
        assert!(pending(&run).unwrap().is_empty());
    }
}
