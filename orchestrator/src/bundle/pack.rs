//! Writing bundles, as a zip archive or as a folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use experiments::regular_file;

use super::zip_file::ZipFile;
use super::{BundleError, MANIFEST, Manifest};
use crate::platform::atomic_file;
use crate::platform::hash;

/// Writes `files`, by their names in the bundle, and their manifest as a zip archive.
pub(crate) fn write_zip(
    files: &BTreeMap<String, PathBuf>,
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
    zip.finish().map_err(BundleError::write(path))?;
    Ok(manifest)
}

/// Writes the same as a folder, which is there whole or not at all.
pub(crate) fn write_folder(
    files: &BTreeMap<String, PathBuf>,
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
    let written = create(&new.join(MANIFEST))
        .and_then(|mut file| file.write_all(manifest.text().as_bytes()))
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
    path: &Path,
    temporary: &Path,
) -> Result<bool, BundleError> {
    let again = temporary.join("again.zip");
    let made = File::create_new(&again).map_err(BundleError::io(&again))?;
    write_zip(files, io::BufWriter::new(made), &again)?;
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
