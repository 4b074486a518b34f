//! The database beside the files that it is made from: whether it holds what they say, and making it
//! again.

use std::path::{Path, PathBuf};

use crate::platform::atomic_file;
use crate::platform::line_reader;
use crate::run_dir::{RunDir, SupervisorLock};
use crate::store::sync::{self, OpenError};
use crate::store::{Offsets, Store};

/// The database cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The records cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It holds more than could be made again.
    #[error(
        "{cut_short}: what the database holds of that would be lost; bring the file back, or, if it \
         is to be forgotten, move `{}` away first", path.display()
    )]
    Lossy {
        /// Which file is shorter than what was read of it.
        cut_short: String,
        /// The database.
        path: PathBuf,
    },
    /// The new database cannot take the old one's place.
    #[error("cannot replace `{}`", path.display())]
    Replace {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What is wrong with the run's database; nothing if it holds what journal and events say, as far as
/// it has read them. Nothing is changed, and a supervisor may be at work.
pub async fn check(run: &RunDir) -> Result<Vec<String>, OpenError> {
    let mut store = Store::open_read_only(&run.database()).await?;
    let damage = store.damage().await?;
    if !damage.is_empty() {
        return Ok(damage);
    }
    let folder = tempfile::tempdir().map_err(|source| cannot_use(&std::env::temp_dir(), source))?;
    let aside = folder.path().join("orch.db");
    let mut made = Store::open(&aside).await?;
    store.hold_beside(&aside).await?;
    let offsets = store.offsets().await?;
    sync::take_in(&mut made, run, Some(&offsets)).await?;
    made.close().await?;
    let mut wrong = cut_short(run, &offsets);
    wrong.extend(store.differences().await?);
    Ok(wrong)
}

fn cannot_use(path: &Path, source: std::io::Error) -> OpenError {
    crate::run_dir::RunDirError::Io { path: path.to_owned(), source }.into()
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

/// Makes the database again from journal and events, beside the one that is there, which it then
/// replaces. Killed at any moment, it leaves the old one, or none, which the next verb makes again.
pub async fn rebuild(run: &RunDir, _lock: &SupervisorLock) -> Result<(), RebuildError> {
    let database = run.database();
    // One that cannot be read has nothing that could be lost.
    if let Ok(mut store) = Store::open_read_only(&database).await
        && let Ok(offsets) = store.offsets().await
        && let Some(cut_short) = cut_short(run, &offsets).into_iter().next()
    {
        return Err(RebuildError::Lossy { cut_short, path: database });
    }
    let replace = |source| RebuildError::Replace { path: database.clone(), source };
    let aside = database.with_extension("new.db");
    remove(&aside).map_err(replace)?;
    sync::make(run, &aside).await?.close().await.map_err(OpenError::from)?;
    std::fs::File::open(&aside).and_then(|file| file.sync_all()).map_err(replace)?;
    // The old one's log must never lie beside the new one: SQLite would take it for its own. It goes
    // with the old one, in which it may be half folded in. Who reads that goes on reading.
    remove(&database).map_err(replace)?;
    std::fs::rename(&aside, &database)
        .and_then(|()| atomic_file::sync_folder(&database))
        .map_err(replace)
}

/// Removes a database with its log and the log's index, as far as they are there.
fn remove(database: &Path) -> std::io::Result<()> {
    for extension in ["db", "db-wal", "db-shm"] {
        match std::fs::remove_file(database.with_extension(extension)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
