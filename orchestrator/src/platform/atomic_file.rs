//! Files that are there whole or not at all: written aside, synced, and renamed into place.
//!
//! What is written aside is locked by its writer, so whatever has such a name and can be locked was
//! left by one that was killed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

/// Permissions of any file, under the user's umask.
const SHARED: u32 = 0o666;

/// How the names of files that are being written aside end.
const ASIDE: &str = ".aside";

/// A file could not be read or written; names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file was not written; what was there before still is.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's content is not what it should be.
    #[error("`{}` is not as `orch` writes it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

/// Replaces `path` by `bytes`: after a crash or for a reader in between it holds the old content
/// or the new, never a part.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, SHARED)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let replace = || {
        let mut aside = aside_with(path, mode)?;
        aside.write_all(bytes)?;
        aside.as_file().sync_all()?;
        aside.persist(path).map_err(|e| e.error)?;
        sync_folder(path)
    };
    replace().map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// [`write()`] for a value as indented JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    write(path, &to_json(value))
}

/// [`write_json`] to a file that only its user may read.
pub fn write_private_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    replace(path, &to_json(value), 0o600)
}

/// The value in the JSON file `path`; `None` if there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::Read { path: path.to_owned(), source }),
    };
    let malformed = |source| FileError::Malformed { path: path.to_owned(), source };
    serde_json::from_slice(&text).map(Some).map_err(malformed)
}

/// `value` as indented JSON with a line feed at its end.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("records are plain data");
    text.push(b'\n');
    text
}

/// A file beside `path` under a name of its own, removed unless it is persisted.
pub(crate) fn aside(path: &Path) -> io::Result<NamedTempFile> {
    aside_with(path, SHARED)
}

fn aside_with(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut builder = tempfile::Builder::new();
    let prefix = format!(".{name}.");
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    builder.prefix(&prefix).suffix(ASIDE).permissions(permissions);
    loop {
        let aside = builder.tempfile_in(folder_of(path))?;
        // Where there are no locks, a sweep gets none either.
        let _ = aside.as_file().lock();
        // A sweep may have come before the lock.
        if aside.as_file().metadata()?.nlink() > 0 {
            return Ok(aside);
        }
    }
}

/// Removes from `folder` what writers that were killed have left aside; what is being written now
/// stays.
pub fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b".") && name.ends_with(ASIDE.as_bytes()) {
            remove_unless_written(&path)?;
        }
    }
    Ok(())
}

fn remove_unless_written(aside: &Path) -> io::Result<()> {
    let remove = || {
        let file = File::open(aside)?;
        // Shared: what was left may be a second name of a claim, which must not seem to be held.
        if file.try_lock_shared().is_ok() { std::fs::remove_file(aside) } else { Ok(()) }
    };
    match remove() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the names in `path`'s folder survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        write_json(&path, &1).unwrap();
        write_json(&path, &2).unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(2));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_killed_writers_left_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        // A writer that is killed removes nothing, and the kernel frees its lock.
        let (_, left) = aside(&path).unwrap().keep().unwrap();
        let written = aside(&path).unwrap();
        let others = [folder.path().join(".a.json.swp"), folder.path().join("b.aside")];
        for other in &others {
            std::fs::write(other, "").unwrap();
        }
        sweep(folder.path()).unwrap();
        assert!(!left.exists());
        assert!(others.iter().all(|other| other.exists()));
        written.persist(&path).unwrap();
    }

    #[test]
    fn a_writer_that_is_swept_before_its_lock_writes_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::thread::scope(|scope| {
            let writers = [1, 2]
                .map(|_| scope.spawn(|| (0..50).for_each(|n| write_json(&path, &n).unwrap())));
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                sweep(folder.path()).unwrap();
            }
        });
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(49));
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, "{").unwrap();
        let error = read_json::<u32>(&path).unwrap_err();
        assert!(matches!(&error, FileError::Malformed { path: p, .. } if *p == path), "{error}");
        let missing = folder.path().join("no/such/folder");
        let error = write(&missing, b"").unwrap_err();
        assert!(matches!(&error, FileError::Write { path: p, .. } if *p == missing), "{error}");
    }
}
