//! `trial.json` in a trial's folder: what its worker reads, and which folders its work lies in. A
//! trial that is begun anew gets new folders, so that nothing of before is taken up or written over.

use std::path::{Path, PathBuf};

use experiments::trial::{FILE_NAME, ReadError, Trial};

use crate::durable::{self, FileError};

/// The folders of a trial's work, relative to its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// For checkpoints.
    pub checkpoints: PathBuf,
    /// For artifacts.
    pub artifacts: PathBuf,
}

/// A trial cannot be begun anew.
#[derive(Debug, thiserror::Error)]
pub enum BeginAnewError {
    /// What it was told before cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What it shall be told cannot be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl Folders {
    /// Those that the trial in `folder` has, or will get if it was never started.
    pub fn of(folder: &Path) -> Self {
        match Trial::read(&folder.join(FILE_NAME)) {
            Ok(trial) => Self { checkpoints: trial.checkpoints, artifacts: trial.artifacts },
            Err(_) => Self { checkpoints: "checkpoints".into(), artifacts: "artifacts".into() },
        }
    }
}

/// Has the trial in `folder` begin anew with attempt `number`: its checkpoints and artifacts stay
/// where they are, and it gets new folders for both.
pub fn begin_anew(folder: &Path, number: u32) -> Result<(), BeginAnewError> {
    let path = folder.join(FILE_NAME);
    if !path.exists() {
        return Ok(());
    }
    let mut trial = Trial::read(&path)?;
    trial.checkpoints = format!("checkpoints-{number}").into();
    trial.artifacts = format!("artifacts-{number}").into();
    Ok(durable::write_json(&path, &trial)?)
}
