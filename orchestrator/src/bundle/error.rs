//! Errors of bundles.

use std::io;
use std::path::{Path, PathBuf};

use zip::result::ZipError;

use crate::store::StoreError;

/// A bundle that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// A file of the run, or of a folder to be written, cannot be used.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Two files of the run cannot be in one bundle, or one's name cannot be in any.
    #[error("`{name}` cannot be in a bundle: {problem}")]
    Name {
        /// Its name in the bundle.
        name: String,
        /// The rule that it breaks.
        problem: String,
    },
    /// The run's records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest cannot be signed.
    #[error("cannot sign the manifest: {reason}")]
    Sign {
        /// The reason.
        reason: String,
    },
    /// The output exists.
    #[error("`{}` exists already\n\nhint: remove it, or name another file with `-o`", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// The experiment's file holds what looks like a secret.
    #[error(
        "`worker.env` in the experiment's file sets `{name}`, which looks like a secret, and the file would \
         be in the bundle\n\nhint: let `orch run` inherit the variable instead of setting it in the file; \
         or, if it is no secret, add `--not-secret {name}`"
    )]
    Secret {
        /// The variable.
        name: String,
    },
    /// Trials are running, so that their files still change.
    #[error(
        "{count} trials of `{run}` are running, and their files still change\n\n\
         hint: wait for their end (`orch wait`), or stop them (`orch stop --all`)"
    )]
    Running {
        /// The run.
        run: String,
        /// The number of its active trials.
        count: usize,
    },
    /// There is no such bundle.
    #[error("there is no bundle `{}`", path.display())]
    Missing {
        /// As it was given.
        path: PathBuf,
    },
    /// It breaks a rule of bundles, and may be hostile; nothing of it is used.
    #[error("`{}` is not a bundle that `orch` reads: {problem}", path.display())]
    Refused {
        /// The bundle.
        path: PathBuf,
        /// The rule that it breaks, and the entry that does.
        problem: String,
    },
    /// Its files are not those that were bundled, or its records not those that were written.
    #[error(
        "`{}` is not what a run of `orch` left:\n  {}\n\nhint: `orch verify` says more",
        path.display(),
        differences.join("\n  ")
    )]
    Differs {
        /// The bundle.
        path: PathBuf,
        /// A sentence for each difference.
        differences: Vec<String>,
    },
    /// Another run has its name.
    #[error(
        "there is another run `{run}` in `{}`\n\nhint: name another folder for runs with `--runs`",
        runs.display()
    )]
    OtherRun {
        /// The run.
        run: String,
        /// The folder of all runs.
        runs: PathBuf,
    },
    /// Its records name artifacts that it does not have, so that the run would be damaged.
    #[error(
        "`{}` cannot go on: {files} artifacts that its records name were left out\n\n\
         hint: `--from-scratch` runs all of it again; a bundle made with `--artifacts` goes on",
        path.display()
    )]
    WithoutArtifacts {
        /// The bundle.
        path: PathBuf,
        /// The number of artifacts.
        files: u64,
    },
    /// Another version of `orch` wrote it, in another format.
    #[error(
        "`{}` has version {schema} of the format of bundles, and this `orch` reads version {}\n\n\
         hint: use `orch {orch}`, which wrote it",
        path.display(),
        super::description::SCHEMA
    )]
    Version {
        /// The bundle.
        path: PathBuf,
        /// The version of its format.
        schema: u64,
        /// The program that wrote it.
        orch: String,
    },
}

impl BundleError {
    /// An error of the file at `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// The bundle at `path` is refused.
    pub(super) fn refused(path: &Path, problem: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), problem: problem.into() }
    }

    /// An error of the archive at `path` while it is read.
    pub(super) fn read(path: &Path) -> impl Fn(ZipError) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::refused(&path, format!("the archive is damaged: {error}"))
    }

    /// An error of the archive at `path` while it is written.
    pub(super) fn write(path: &Path) -> impl Fn(ZipError) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { path: path.clone(), source: io::Error::from(error) }
    }
}
