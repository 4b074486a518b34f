//! A bundle from elsewhere in a temporary folder, where it is compared with its manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use experiments::regular_file;
use tempfile::TempDir;

use super::{
    BundleError, DESCRIPTION, Description, Limits, MANIFEST, Manifest, SIGNATURE, Signature, unpack,
};
use crate::run_dir::RunDir;

/// Bytes of a manifest or a description at most.
const LARGEST: u64 = 256 << 20;

/// A bundle that was unpacked; its files are removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// The description as the bundle has it.
    pub(crate) description: Description,
    /// The manifest as the bundle has it.
    pub(crate) manifest: Manifest,
    /// The SHA-256 of every file that is there, by its name, without the manifest and its
    /// signature.
    pub(crate) hashes: BTreeMap<String, String>,
    /// The signature as the bundle has it; `None` if it is not signed.
    pub(crate) signature: Option<String>,
    run: RunDir,
    folder: TempDir,
}

impl Unpacked {
    /// Unpacks the bundle at `path`, an archive or a folder, which is only read.
    pub(crate) fn open(path: &Path) -> Result<Self, BundleError> {
        let temporary = || {
            let runs = tempfile::tempdir()?;
            std::fs::create_dir(runs.path().join("unpacked")).map(|()| runs)
        };
        let folder = temporary().map_err(BundleError::io(&std::env::temp_dir()))?;
        let unpacked = folder.path().join("unpacked");
        let mut hashes = unpack(path, &unpacked, &Limits::of(folder.path()))?;
        let read = |name: &str| {
            let missing = || BundleError::refused(path, format!("it has no `{name}`"));
            let file = unpacked.join(name);
            hashes.get(name).ok_or_else(missing)?;
            regular_file::read(&file, LARGEST).map_err(BundleError::io(&file))
        };
        let signature = hashes.contains_key(SIGNATURE).then(|| read(SIGNATURE)).transpose()?;
        let signature = signature.map(|text| String::from_utf8_lossy(&text).into_owned());
        let manifest = String::from_utf8_lossy(&read(MANIFEST)?).into_owned();
        let manifest = Manifest::parse(&manifest).map_err(|line| {
            BundleError::refused(path, format!("`{MANIFEST}:{line}` is not a line of a manifest"))
        })?;
        let description = Description::parse(&read(DESCRIPTION)?, path)?;
        for name in [MANIFEST, SIGNATURE] {
            hashes.remove(name);
        }
        let run = RunDir::new(&folder.path().join("runs"), &description.run);
        std::fs::create_dir(folder.path().join("runs"))
            .and_then(|()| std::fs::rename(&unpacked, run.path()))
            .map_err(BundleError::io(run.path()))?;
        Ok(Self { description, manifest, hashes, signature, run, folder })
    }

    /// The run's folder, with the files of the bundle.
    pub(crate) fn run(&self) -> &RunDir {
        &self.run
    }

    /// The signature as [`super::write_zip`] takes it.
    pub(crate) fn made_signature(&self) -> Signature {
        self.signature.clone().map_or(Signature::None, Signature::Made)
    }

    /// A folder beside the run's, for what is made of it.
    pub(crate) fn temporary(&self) -> &Path {
        self.folder.path()
    }

    /// The path of every file by its name, as [`super::write_zip`] takes them.
    pub(crate) fn files(&self) -> BTreeMap<String, PathBuf> {
        self.hashes.keys().map(|name| (name.clone(), self.run.path().join(name))).collect()
    }

    /// A sentence for each difference between the files and the manifest.
    pub(crate) fn differences(&self) -> Vec<String> {
        let stated =
            self.manifest.0.iter().filter_map(|(name, sha256)| match self.hashes.get(name) {
                Some(now) if now == sha256 => None,
                Some(_) => Some(format!("`{name}` is not as in the manifest")),
                None => Some(format!("`{name}` is in the manifest, and missing")),
            });
        let added = self.hashes.keys().filter(|name| !self.manifest.0.contains_key(*name));
        stated.chain(added.map(|name| format!("`{name}` is not in the manifest"))).collect()
    }
}
