//! `trial.json` in a trial's folder, which its worker reads, and the folders that it names. A trial that
//! is restarted gets new folders, so that earlier work is neither resumed nor overwritten.

use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::events::is_below;
use experiments::protocol::trial::{FILE_NAME, Trial};

use crate::platform::atomic_file::{self, FileError};
use crate::platform::error_chain::chain;

/// The folders of a trial's work, relative to the trial's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folders {
    /// The folder of checkpoints.
    pub(crate) checkpoints: PathBuf,
    /// The folder of artifacts.
    pub(crate) artifacts: PathBuf,
}

impl Folders {
    /// The same for attempt `number`, which is about to start. If the file is damaged, new ones: the
    /// default folders could be those of work that the trial has given up.
    pub(crate) fn to_start(folder: &Path, number: u32) -> Self {
        let path = folder.join(FILE_NAME);
        match Trial::read(&path) {
            Err(error) if path.exists() => {
                let error = chain(&error);
                tracing::warn!("{error}; attempt {number} begins from the first step");
                Self::anew(number)
            }
            read => Self::in_file(read.ok()),
        }
    }

    /// New folders, for a trial that begins from its first step with attempt `number`.
    fn anew(number: u32) -> Self {
        Self {
            checkpoints: format!("checkpoints-{number}").into(),
            artifacts: format!("artifacts-{number}").into(),
        }
    }

    /// The folders that the trial in `folder` has; the default ones if it was never started, or if its
    /// file names folders outside of its own.
    pub(crate) fn of(folder: &Path) -> Self {
        Self::in_file(Trial::read(&folder.join(FILE_NAME)).ok())
    }

    fn in_file(trial: Option<Trial>) -> Self {
        match trial {
            Some(trial) if is_below(&trial.checkpoints) && is_below(&trial.artifacts) => {
                Self { checkpoints: trial.checkpoints, artifacts: trial.artifacts }
            }
            _ => Self::default(),
        }
    }
}

impl Default for Folders {
    fn default() -> Self {
        Self { checkpoints: "checkpoints".into(), artifacts: "artifacts".into() }
    }
}

/// A file of a trial that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileOfTrialError {
    /// The file does not exist.
    #[error("cannot find `{}` in `{}`", path.display(), folder.display())]
    Missing {
        /// The path as the worker reported it.
        path: PathBuf,
        /// The trial's folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path leads out of the trial's folder, by itself or by a link.
    #[error("`{}` leads out of `{}`", path.display(), folder.display())]
    Outside {
        /// The path as the worker reported it.
        path: PathBuf,
        /// The trial's folder.
        folder: PathBuf,
    },
}

/// The file at `path`, which a worker has reported, and which must lie in the trial's `folder` after
/// all links are followed. Call this just before the file is used.
pub(crate) fn file_of_trial(folder: &Path, path: &Path) -> Result<PathBuf, FileOfTrialError> {
    let (folder, path) = (folder.to_owned(), path.to_owned());
    if !is_below(&path) {
        return Err(FileOfTrialError::Outside { path, folder });
    }
    let joined = folder.join(&path);
    let real = folder.canonicalize().and_then(|real| Ok((real, joined.canonicalize()?)));
    match real {
        Ok((real_folder, real)) if real.starts_with(&real_folder) => Ok(joined),
        Ok(_) => Err(FileOfTrialError::Outside { path, folder }),
        Err(source) => Err(FileOfTrialError::Missing { path, folder, source }),
    }
}

/// Makes the trial in `folder` start from scratch with attempt `number`: it gets new folders for
/// checkpoints and artifacts, and the old ones are kept. A damaged `trial.json` is left as it is: by it the
/// trial starts from scratch as well.
pub(crate) fn restart(folder: &Path, number: u32) -> Result<(), FileError> {
    let path = folder.join(FILE_NAME);
    if !path.exists() {
        return Ok(());
    }
    let Ok(mut trial) = Trial::read(&path) else { return Ok(()) };
    let Folders { checkpoints, artifacts } = Folders::anew(number);
    (trial.checkpoints, trial.artifacts) = (checkpoints, artifacts);
    atomic_file::write_json(&path, &trial)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_belongs_to_a_trial_only_if_it_really_lies_in_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("trial");
        std::fs::create_dir_all(folder.join("artifacts")).unwrap();
        std::fs::write(folder.join("artifacts/a"), "").unwrap();
        std::fs::write(root.path().join("outside"), "").unwrap();
        symlink("a", folder.join("artifacts/link")).unwrap();
        symlink(root.path(), folder.join("out")).unwrap();
        symlink("../outside", folder.join("outside")).unwrap();
        // The path to the folder itself may have links.
        symlink(&folder, root.path().join("alias")).unwrap();
        for folder in [folder.clone(), root.path().join("alias")] {
            for inside in
                ["artifacts/a", "./artifacts/a", "artifacts/link", "out/trial/artifacts/a"]
            {
                let file = file_of_trial(&folder, Path::new(inside)).unwrap();
                assert_eq!(file, folder.join(inside));
            }
            for outside in
                ["../outside", "/etc/passwd", "", "out/outside", "outside", "out", "a/../.."]
            {
                let refused = file_of_trial(&folder, Path::new(outside)).unwrap_err();
                assert!(
                    matches!(refused, FileOfTrialError::Outside { .. }),
                    "{outside}: {refused}"
                );
            }
            let missing = file_of_trial(&folder, Path::new("artifacts/b")).unwrap_err();
            assert!(matches!(missing, FileOfTrialError::Missing { .. }), "{missing}");
        }
    }
}
