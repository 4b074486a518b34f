//! Files that are there whole or not at all: written aside, synced, and renamed into place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

/// Permissions of any file, under the user's umask.
const SHARED: u32 = 0o666;

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
    builder.prefix(&prefix).permissions(permissions).tempfile_in(folder_of(path))
}

/// Makes the names in `path`'s folder survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    std::fs::File::open(folder_of(path))?.sync_all()
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
