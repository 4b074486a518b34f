//! The seal of a closed database: its content when its writer closed it. The database is an
//! index that can be made again, so one that changed since is renamed and not used.
//!
//! Bits that change in its rows are no error to SQLite, which has no checksums of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file_stamp;
use crate::platform::atomic_file;
use crate::platform::file_seal::FileSeal;

/// The content of a database's seal.
#[derive(Debug, Serialize, Deserialize)]
struct DatabaseSeal {
    #[serde(flatten)]
    content: FileSeal,
    /// The [`file_stamp`] of a file with that content: as long as it has this one it is not read.
    stamp: String,
}

/// The condition of a database by its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// It has no seal: it is being written, or its writer was killed.
    Unsealed,
    /// It is as it was closed.
    Intact,
    /// It was changed since.
    Damaged,
}

/// The seal's path.
fn path_of(database: &Path) -> PathBuf {
    database.with_extension("db-seal")
}

/// Removes the seal before the database is written.
pub(super) fn remove(database: &Path) -> io::Result<()> {
    match fs::remove_file(path_of(database)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Seals a database that its writer has closed. One whose log a reader keeps is left unsealed: it is not
/// all in its file.
pub(super) fn write(database: &Path) -> io::Result<()> {
    let log = database.with_extension("db-wal").metadata().map_or(0, |log| log.len());
    let stamp = file_stamp::of(database);
    let Some(content) = FileSeal::of(database)?.filter(|_| log == 0) else { return Ok(()) };
    // Not synced: a seal that a power cut spoils costs no more than to make the database again.
    fs::write(path_of(database), atomic_file::to_json(&DatabaseSeal { content, stamp }))
}

/// The condition of the database. Its content is read if `all`, or if its file is not the one that was
/// sealed, such as in a copied run.
pub(super) fn condition(database: &Path, all: bool) -> Condition {
    let seal: Option<DatabaseSeal> = atomic_file::read_json(&path_of(database)).ok().flatten();
    let Some(DatabaseSeal { content, stamp }) = seal else { return Condition::Unsealed };
    if !all && stamp == file_stamp::of(database) {
        return Condition::Intact;
    }
    match content.check(database) {
        None => {
            // So that it need not be read again; where the folder cannot be written, it is.
            let _ = write(database);
            Condition::Intact
        }
        // There is nothing that could be wrong.
        Some(_) if !database.exists() => Condition::Unsealed,
        Some(_) => Condition::Damaged,
    }
}

/// Moves a damaged database out of the way, to the path that is returned.
pub(super) fn rename_damaged(database: &Path) -> io::Result<PathBuf> {
    let renamed = database.with_extension("db-damaged");
    fs::rename(database, &renamed)?;
    for extension in ["db-wal", "db-shm"] {
        match fs::remove_file(database.with_extension(extension)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    remove(database)?;
    Ok(renamed)
}
