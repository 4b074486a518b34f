//! Files that are there whole or not at all: written to a temporary file, synced, and renamed into
//! place.
//!
//! A file that is placed is not synced: readers and a kill see it whole or not at all, and a power cut
//! may lose or empty it until `sync_all`. On a network file system it is synced all the same, since
//! other machines see only what has reached the server.
//!
//! A temporary file is locked by its writer, so one that can be locked was left by a writer that was
//! killed.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use experiments::regular_file;
use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::file_seal::FileSeal;
use super::filesystem::{self, Kind};

/// Permissions of any file, under the user's umask.
const SHARED: u32 = 0o666;

/// Permissions of a file that only its user may read.
const PRIVATE: u32 = 0o600;

/// Bytes of a record that is read, far more than any has.
const MAX_RECORD: u64 = 64 << 20;

/// Ending of a temporary file's name. More than `.tmp`, since what ends like this is deleted.
const SUFFIX: &str = ".orch.tmp";

/// A file could not be read or written; names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file was not written; an earlier content is unchanged.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file exists and cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file's content is not what it should be.
    #[error("`{}` is not as `orch` writes it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },
}

impl FileError {
    /// True if the file itself is damaged, or is not one that can be read: trying again will not help.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Read { source, .. } => regular_file::is_fault_of_file(source),
            Self::Malformed { .. } => true,
            Self::Write { .. } => false,
        }
    }
}

/// Replaces `path` by `bytes`: after a crash or for a reader in between it holds the old content
/// or the new, never a part.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, SHARED)
}

/// Replaces `path`, whole or not at all, by `value` as indented JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    replace(path, &to_json(value), SHARED)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let mut file = TemporaryFile::with_mode(path, mode)?;
    file.append(bytes)?;
    file.persist()
}

/// Replaces `path`, whole or not at all, by `bytes`, without syncing them. The seal of the new content.
pub(crate) fn place(path: &Path, bytes: &[u8]) -> Result<FileSeal, FileError> {
    place_with(path, bytes, SHARED)
}

/// [`place`] of `value` as indented JSON.
pub(crate) fn place_json<T: Serialize>(path: &Path, value: &T) -> Result<FileSeal, FileError> {
    place_with(path, &to_json(value), SHARED)
}

/// [`place_json`] to a file that only its user may read.
pub(crate) fn place_private_json<T: Serialize>(
    path: &Path,
    value: &T,
) -> Result<FileSeal, FileError> {
    place_with(path, &to_json(value), PRIVATE)
}

fn place_with(path: &Path, bytes: &[u8], mode: u32) -> Result<FileSeal, FileError> {
    if filesystem::network(folder_of(path)).is_some() {
        replace(path, bytes, mode)?;
    } else {
        let mut file = TemporaryFile::with_mode(path, mode)?;
        file.append(bytes)?;
        file.into_file()
            .and_then(|file| file.persist(path).map_err(|e| e.error))
            .map_err(|source| write_error(path, source))?;
    }
    Ok(FileSeal::of_content(bytes))
}

/// Brings files, and names in folders, to the disk, all at once: one flush of the disk may serve several.
/// Those that are gone by now, or no files any more, are left alone.
pub(crate) fn sync_all(paths: &[PathBuf]) -> Result<(), FileError> {
    let in_memory = |path: &PathBuf| matches!(filesystem::kind(path), Ok(Kind::Memory(_)));
    if paths.first().is_none_or(in_memory) {
        return Ok(());
    }
    std::thread::scope(|scope| {
        let syncs: Vec<_> = paths.iter().map(|path| scope.spawn(|| sync(path))).collect();
        let synced = syncs.into_iter().map(|sync| sync.join().expect("a sync does not panic"));
        synced.collect()
    })
}

fn sync(path: &Path) -> Result<(), FileError> {
    let file = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path);
    match file.and_then(|file| file.sync_all()) {
        // A worker may have put anything in its place, which readers find.
        Err(e) if e.kind() == io::ErrorKind::NotFound || regular_file::is_fault_of_file(&e) => {
            Ok(())
        }
        synced => synced.map_err(|source| write_error(path, source)),
    }
}

/// The value in the JSON file `path`; `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let text = match regular_file::read(path, MAX_RECORD) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FileError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| FileError::Malformed { path: path.to_owned(), source })
}

/// `value` as indented JSON with a line feed at its end.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("records are plain data");
    text.push(b'\n');
    text
}

/// The next content of a file, written piece by piece; removed on drop.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl TemporaryFile {
    /// A file beside `path`, which it is to become.
    pub(crate) fn create(path: &Path) -> Result<Self, FileError> {
        Self::with_mode(path, SHARED)
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, FileError> {
        let file = locked_file_beside(path, mode).map_err(|source| write_error(path, source))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Adds `bytes` at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).map_err(|source| write_error(&self.path, source))
    }

    /// Gives the file its name, in place of one that has it.
    pub(crate) fn persist(self) -> Result<(), FileError> {
        synced(self.file)
            .and_then(|file| file.persist(&self.path).map_err(|e| e.error))
            .and_then(|_| sync_folder(&self.path))
            .map_err(|source| write_error(&self.path, source))
    }

    /// Gives the file its name, as if [`place`]d, and returns it, still locked; `None` if another has the
    /// name.
    ///
    /// By a link and not by a rename without replacement, which network file systems lack.
    pub(crate) fn link(self) -> Result<Option<File>, FileError> {
        let path = self.path.clone();
        let is_shared = filesystem::network(folder_of(&path)).is_some();
        let file = if is_shared { synced(self.file) } else { self.into_file() };
        file.and_then(|file| link(file, &path, is_shared))
            .map_err(|source| write_error(&path, source))
    }

    fn into_file(self) -> io::Result<NamedTempFile> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for TemporaryFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

fn write_error(path: &Path, source: io::Error) -> FileError {
    FileError::Write { path: path.to_owned(), source }
}

fn locked_file_beside(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX).permissions(PermissionsExt::from_mode(mode));
    loop {
        let file = builder.tempfile_in(folder_of(path))?;
        // Where there are no locks, `clean_up` gets none either.
        let _ = file.as_file().lock();
        // It may have been cleaned up before the lock.
        if file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

fn synced(file: BufWriter<NamedTempFile>) -> io::Result<NamedTempFile> {
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn link(file: NamedTempFile, path: &Path, is_shared: bool) -> io::Result<Option<File>> {
    // Locked already, or there are no locks, on which whoever links a file relies.
    file.as_file().try_lock()?;
    match std::fs::hard_link(file.path(), path) {
        Ok(()) => {}
        // A network file system may have done it and lost the reply.
        Err(_) if file.as_file().metadata()?.nlink() == 2 => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(e) => return Err(e),
    }
    if is_shared {
        sync_folder(path)?;
    }
    Ok(Some(file.into_file()))
}

/// Removes from `folder` the temporary files of writers that were killed; those of living writers
/// stay. Returns the folders in it, without links to folders.
pub fn clean_up(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            folders.push(path);
            continue;
        }
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes()) {
            match remove_unless_locked(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
    }
    Ok(folders)
}

/// The same in the folder that `path` is to be written to, as far as the files are this user's.
pub(crate) fn clean_up_beside(path: &Path) {
    // Leftovers that stay are no hindrance.
    let _ = clean_up(folder_of(path));
}

fn remove_unless_locked(path: &Path) -> io::Result<()> {
    let file = match regular_file::open(path) {
        // Of another kind: not a writer's.
        Err(error) if regular_file::is_fault_of_file(&error) => return Ok(()),
        opened => opened?,
    };
    // Shared: it may be a second name of an owner file, which must not seem to be held.
    if file.try_lock_shared().is_ok() { std::fs::remove_file(path) } else { Ok(()) }
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
    fn only_what_killed_writers_left_is_cleaned_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        // A writer that is killed removes nothing, and the kernel frees its lock.
        let (_, orphan) = locked_file_beside(&path, SHARED).unwrap().keep().unwrap();
        let written = TemporaryFile::create(&path).unwrap();
        let others = [folder.path().join(".a.json.swp"), folder.path().join("b.orch.tmp")];
        for other in &others {
            std::fs::write(other, "").unwrap();
        }
        clean_up(folder.path()).unwrap();
        assert!(!orphan.exists());
        assert!(others.iter().all(|other| other.exists()));
        written.persist().unwrap();
    }

    #[test]
    fn a_writer_whose_file_is_removed_before_its_lock_writes_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::thread::scope(|scope| {
            let writers = [1, 2]
                .map(|_| scope.spawn(|| (0..50).for_each(|n| write_json(&path, &n).unwrap())));
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                clean_up(folder.path()).unwrap();
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
