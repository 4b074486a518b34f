//! Checking the database against the files that it is made from, and rebuilding it from them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::atomic_file;
use crate::platform::line_reader;
use crate::run_dir::{RunDir, RunDirError, SupervisorLock};
use crate::store::damage::Damage;
use crate::store::database_seal;
use crate::store::integrity::{self, Extent};
use crate::store::sync::{self, OpenError};
use crate::store::{Condition, Offsets, Store, StoreError};

/// The database cannot be rebuilt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RebuildError {
    /// The records cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds more than could be rebuilt.
    #[error(
        "{problem}: what the database `{}` still holds of it would be lost\n\nhint: put the file back \
         from a copy, or run the experiment's file with `--rerun-damaged` or `--accept-damage`",
        path.display()
    )]
    Lossy {
        /// The first damaged file, and its damage.
        problem: String,
        /// The database.
        path: PathBuf,
    },
    /// The new database cannot take the old one's place.
    #[error("cannot replace `{}`", path.display())]
    Replace {
        /// The database.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The result of [`check`].
#[derive(Debug)]
pub(crate) struct Checked {
    /// The problems of the database; none if it holds what journal and events say, as far as it has read
    /// them.
    pub(crate) problems: Vec<String>,
    /// The damage of the records that it is made from.
    pub(crate) damage: BTreeSet<Damage>,
}

/// Compares the run's database with journal and events, and those with their seals, byte for byte.
/// Nothing is changed, and a supervisor may be running.
pub(crate) async fn check(run: &RunDir) -> Result<Checked, OpenError> {
    if database_seal::condition(&run.database(), true) == Condition::Damaged {
        return Err(StoreError::Damaged { path: run.database() }.into());
    }
    let mut store = Store::open_read_only(&run.database()).await?;
    let problems = store.damage().await?;
    if !problems.is_empty() {
        return Ok(Checked { problems, damage: BTreeSet::new() });
    }
    let damage = integrity::check(&mut store, run, Extent::All).await?.damage;
    let folder = tempfile::tempdir()
        .map_err(|source| RunDirError::Io { path: std::env::temp_dir(), source })?;
    let path = folder.path().join("orch.db");
    let mut rebuilt = Store::open(&path).await?;
    store.attach(&path).await?;
    let offsets = store.offsets().await?;
    sync::ingest(&mut rebuilt, run, Some(&offsets)).await?;
    rebuilt.close().await?;
    let mut problems = cut_short(run, &offsets);
    problems.extend(store.differences().await?);
    Ok(Checked { problems, damage })
}

/// Files that end before what the database has read of them.
fn cut_short(run: &RunDir, offsets: &Offsets) -> Vec<String> {
    let events = offsets.events.iter();
    let events = events.map(|(trial, number, read)| (run.attempt(trial, *number).events(), *read));
    let files = std::iter::once((run.journal(), offsets.journal)).chain(events);
    files
        .map(|(file, read)| (line_reader::length(&file), file, read))
        .filter(|(length, _, read)| length < read)
        .map(|(length, file, read)| {
            format!("`{}` has {length} bytes, of which {read} were read", file.display())
        })
        .collect()
}

/// The files may hold less than was read of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shrinkage {
    /// Then nothing is rebuilt: what the database holds of the rest would be lost.
    Refused,
    /// The user has accepted it.
    Accepted,
}

/// Rebuilds the database from journal and events, in a temporary file that then replaces it. Killed at
/// any moment, it leaves the old one, or none, which the next command makes again.
pub(crate) async fn rebuild(
    run: &RunDir,
    _lock: &SupervisorLock,
    shrinkage: Shrinkage,
) -> Result<(), RebuildError> {
    let database = run.database();
    // A database that cannot be read has nothing to lose.
    if shrinkage == Shrinkage::Refused
        && let Ok(mut store) = Store::open_read_only(&database).await
        && let Ok(offsets) = store.offsets().await
        && let Ok(found) = integrity::check(&mut store, run, Extent::All).await
    {
        let damage = found.damage.into_iter().map(|damage| damage.to_string());
        if let Some(problem) = cut_short(run, &offsets).into_iter().chain(damage).next() {
            return Err(RebuildError::Lossy { problem, path: database });
        }
    }
    let replace_error = |source| RebuildError::Replace { path: database.clone(), source };
    let temporary = database.with_extension("new.db");
    remove(&temporary).map_err(replace_error)?;
    sync::make(run, &temporary).await?.close().await.map_err(OpenError::from)?;
    replace(&database, &temporary).map_err(replace_error)?;
    database_seal::remove(&temporary).map_err(replace_error)?;
    database_seal::write(&database).map_err(replace_error)
}

/// Puts the closed database `new` in the place of `database`.
///
/// Not by [`atomic_file::TemporaryFile`]: SQLite writes the file, and the old database has to be gone
/// before the new one is renamed. Its log must never lie beside the new one, since SQLite would take it
/// for its own, and it may be half folded into the old one. A reader of the old one keeps its files.
fn replace(database: &Path, new: &Path) -> io::Result<()> {
    File::open(new)?.sync_all()?;
    remove(database)?;
    fs::rename(new, database)?;
    atomic_file::sync_folder(database)
}

/// Removes a database with its log and the log's index, as far as they exist.
fn remove(database: &Path) -> io::Result<()> {
    for extension in ["db", "db-wal", "db-shm"] {
        match fs::remove_file(database.with_extension(extension)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
