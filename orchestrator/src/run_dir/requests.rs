//! What people wish of a run, as files in its `requests/`: whoever holds the supervisor's lock
//! does what is asked, writes that into the journal, and then removes the file.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attempt::StopMode;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::clock;
use crate::run_dir::RunDir;
use experiments::protocol::trial_id::TrialId;

/// What somebody wishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// That these trials are not carried on.
    Stop {
        /// Which.
        trials: Vec<TrialId>,
        /// How.
        mode: StopMode,
    },
    /// That the run stops; it can be taken up again.
    StopAll {
        /// How.
        mode: StopMode,
    },
    /// That these trials are tried again.
    Retry {
        /// Which.
        trials: Vec<TrialId>,
    },
    /// That what is not needed any more is removed; see [`crate::supervisor::retention`].
    CollectGarbage,
}

/// A request that waits to be done.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    /// What it says, if that can be understood.
    pub request: Result<Request, FileError>,
}

/// Leaves a request in the run's folder; says where. It is done once that file is gone.
pub fn submit(run: &RunDir, request: &Request) -> Result<PathBuf, FileError> {
    let folder = run.requests();
    let failed = |source| FileError::Write { path: folder.clone(), source };
    fs_err::create_dir_all(&folder).map_err(failed)?;
    // Names sort by time; a process has one request.
    let path = folder.join(format!("{:013}-{}.json", clock::now_ms(), std::process::id()));
    atomic_file::write_json(&path, request)?;
    Ok(path)
}

/// Every request that waits, the oldest first.
pub fn pending(run: &RunDir) -> io::Result<Vec<Pending>> {
    let entries = match std::fs::read_dir(run.requests()) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    // Others are still being written aside.
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths.into_iter().filter_map(read).collect())
}

fn read(path: PathBuf) -> Option<Pending> {
    // `None` if another has just done it.
    let request = atomic_file::read_json(&path).transpose()?;
    Some(Pending { path, request })
}

impl Pending {
    /// The file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file: what it asks for has been done, or makes no sense.
    pub fn remove(self) -> Result<(), FileError> {
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
    fn requests_wait_in_their_order_until_they_are_removed() {
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
