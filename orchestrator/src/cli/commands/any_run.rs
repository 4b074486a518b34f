//! A run in a folder or in a bundle, opened to be read.

use std::path::{Path, PathBuf};

use super::damage::open_intact;
use super::error::Result;
use super::verify::records;
use crate::bundle::{BundleError, DESCRIPTION, Unpacked};
use crate::run_dir::RunDir;
use crate::store::Store;

/// A run as the command line names it.
pub(super) enum AnyRun {
    /// By its name, or by the path of its folder.
    Folder(RunDir),
    /// By the path of a bundle.
    Bundle(PathBuf),
}

/// A run whose records are whole.
pub(super) struct OpenedRun {
    pub(super) dir: RunDir,
    pub(super) store: Store,
    /// Holds the files of a bundle until it is dropped.
    pub(super) bundle: Option<Unpacked>,
}

impl AnyRun {
    /// The run that `name` is the exact name, the folder or a bundle of; `None` if there is none.
    pub(super) fn named(name: &str, runs: &Path) -> Option<Self> {
        if is_bundle(Path::new(name)) {
            return Some(Self::Bundle(name.into()));
        }
        let mut dirs = [Path::new(name).to_owned(), runs.join(name)].into_iter();
        let path = dirs.find(|path| path.join("journal.jsonl").is_file())?;
        Some(Self::Folder(RunDir::new(path.parent()?, path.file_name()?.to_str()?)))
    }

    /// Opens it; an error if its records are damaged, or are not those that were bundled.
    pub(super) async fn open(&self) -> Result<OpenedRun> {
        match self {
            Self::Folder(dir) => {
                let store = open_intact(dir).await?;
                Ok(OpenedRun { dir: dir.clone(), store, bundle: None })
            }
            Self::Bundle(path) => {
                let (bundle, store) = open_bundle(path).await?;
                Ok(OpenedRun { dir: bundle.run().clone(), store, bundle: Some(bundle) })
            }
        }
    }
}

/// True if there is an archive at `path`, or a folder that is a bundle.
pub(super) fn is_bundle(path: &Path) -> bool {
    let is_archive = path.extension().is_some_and(|extension| extension == "zip");
    (is_archive && path.is_file()) || path.join(DESCRIPTION).is_file()
}

/// Unpacks the bundle at `path`; an error if a file is not as in its manifest, or a record not as it was
/// sealed.
pub(super) async fn open_bundle(path: &Path) -> Result<(Unpacked, Store)> {
    let bundle = Unpacked::open(path)?;
    let mut differences = bundle.differences();
    let mut store = records::open(&bundle).await?;
    if differences.is_empty() {
        differences = records::differences(&bundle, &mut store).await?;
    }
    if differences.is_empty() {
        return Ok((bundle, store));
    }
    Err(BundleError::Differs { path: path.to_owned(), differences }.into())
}
