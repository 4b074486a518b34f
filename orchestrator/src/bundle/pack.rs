//! Writing bundles, as a zip archive or as a folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use experiments::regular_file;

use super::zip_file::ZipFile;
use super::{BundleError, MANIFEST, Manifest, SIGNATURE, SigningKey};
use crate::platform::atomic_file;
use crate::platform::hash;

/// The signature of a bundle.
pub(crate) enum Signature {
    /// It has none.
    None,
    /// One that is made by this key, of a bundle of the run of this name.
    By(SigningKey, String),
    /// One that was made before.
    Made(String),
}

impl Signature {
    fn of(&self, manifest: &Manifest) -> Result<Option<String>, BundleError> {
        match self {
            Self::None => Ok(None),
            Self::Made(signature) => Ok(Some(signature.clone())),
            Self::By(key, run) => {
                let signed = key.sign(manifest, run);
                let failed = |error| BundleError::Sign { reason: format!("{error}") };
                signed.map(Some).map_err(failed)
            }
        }
    }
}

/// Writes `files`, by their names in the bundle, and their manifest as a zip archive.
pub(crate) fn write_zip(
    files: &BTreeMap<String, PathBuf>,
    signature: &Signature,
    out: impl Write + Seek,
    path: &Path,
) -> Result<Manifest, BundleError> {
    let mut zip = ZipFile::new(out);
    let mut manifest = Manifest::default();
    for (name, file) in files {
        let source = regular_file::open(file).map_err(BundleError::io(file))?;
        let bytes = source.metadata().map_err(BundleError::io(file))?.len();
        zip.start(name, bytes).map_err(BundleError::write(path))?;
        let (_, sha256) = hash::copy(source, &mut zip).map_err(BundleError::io(file))?;
        manifest.0.insert(name.clone(), sha256);
    }
    let text = manifest.text();
    zip.start(MANIFEST, text.len() as u64).map_err(BundleError::write(path))?;
    zip.write_all(text.as_bytes()).map_err(BundleError::io(path))?;
    if let Some(signature) = signature.of(&manifest)? {
        zip.start(SIGNATURE, signature.len() as u64).map_err(BundleError::write(path))?;
        zip.write_all(signature.as_bytes()).map_err(BundleError::io(path))?;
    }
    zip.finish().map_err(BundleError::write(path))?;
    Ok(manifest)
}

/// Writes the same as a folder, which is there whole or not at all.
pub(crate) fn write_folder(
    files: &BTreeMap<String, PathBuf>,
    signature: &Signature,
    folder: &Path,
) -> Result<Manifest, BundleError> {
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let temporary =
        tempfile::tempdir_in(beside.unwrap_or(Path::new("."))).map_err(BundleError::io(folder))?;
    let new = temporary.path().join("bundle");
    let mut manifest = Manifest::default();
    for (name, file) in files {
        let source = regular_file::open(file).map_err(BundleError::io(file))?;
        let copied = create(&new.join(name)).and_then(|to| hash::copy(source, to));
        let (_, sha256) = copied.map_err(BundleError::io(&new.join(name)))?;
        manifest.0.insert(name.clone(), sha256);
    }
    let signature = signature.of(&manifest)?;
    let texts = [(MANIFEST, Some(manifest.text())), (SIGNATURE, signature)];
    let written = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .try_for_each(|(name, text)| create(&new.join(name))?.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&new, folder))
        .and_then(|()| atomic_file::sync_folder(folder));
    written.map_err(BundleError::io(folder))?;
    Ok(manifest)
}

/// A new file, whose folder is made if it is missing.
pub(super) fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}

/// True if the archive at `path` is byte for byte the one that is made of `files`.
pub(crate) fn same_archive(
    files: &BTreeMap<String, PathBuf>,
    signature: &Signature,
    path: &Path,
    temporary: &Path,
) -> Result<bool, BundleError> {
    let again = temporary.join("again.zip");
    let made = File::create_new(&again).map_err(BundleError::io(&again))?;
    write_zip(files, signature, io::BufWriter::new(made), &again)?;
    let same = same_bytes(path, &again).map_err(BundleError::io(path))?;
    std::fs::remove_file(&again).map_err(BundleError::io(&again))?;
    Ok(same)
}

fn same_bytes(a: &Path, b: &Path) -> io::Result<bool> {
    let (a, b) = (regular_file::open(a)?, regular_file::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut a, mut b) = (BufReader::new(a), BufReader::new(b));
    let mut buffers = [vec![0; 1 << 16], vec![0; 1 << 16]];
    loop {
        let n = a.read(&mut buffers[0])?;
        if n == 0 {
            return Ok(true);
        }
        b.read_exact(&mut buffers[1][..n])?;
        if buffers[0][..n] != buffers[1][..n] {
            return Ok(false);
        }
    }
}
