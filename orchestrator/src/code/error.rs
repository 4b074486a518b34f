//! The error of a worker whose code cannot be determined.

use std::io;
use std::path::PathBuf;

/// Files of a worker's code. A project with more says in the file what its code is.
pub(crate) const MOST_FILES: usize = 5_000;

/// The worker's code cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// A path of `worker.code` or `worker.include` does not exist.
    #[error(
        "`worker.{key}` names `{}`, which is not there\n\nhint: paths are relative to `{}`",
        path.display(), directory.display()
    )]
    Missing {
        /// `code` or `include`.
        key: &'static str,
        /// As the file names it.
        path: PathBuf,
        /// The worker's directory.
        directory: PathBuf,
    },
    /// There are more files than a worker's code may have, 5,000.
    #[error(
        "`{}` has more than {MOST_FILES} files that may be the worker's code\n\n\
         hint: list its files and folders, for example `worker: {{code: [train.py, model]}}`",
        folder.display()
    )]
    TooMany {
        /// The folder with most of them.
        folder: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("cannot read `{}`, which may be the worker's code", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}
