//! Opening a run's records so that they are as new as its files, whoever wrote those.

use crate::attempt::AttemptDir;
use crate::run_dir::{RunDir, RunDirError, SupervisorLock};
use crate::store::{Store, StoreError};

/// The records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The run's folder.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database with everything taken in that journal and events hold, for the holder of the lock.
pub async fn for_writing(run: &RunDir, _lock: &SupervisorLock) -> Result<Store, StoreError> {
    let mut store = Store::open(&run.database()).await?;
    store.read_journal(&run.journal()).await?;
    for (trial, number) in store.attempts().await? {
        let events = AttemptDir::new(&run.trial(&trial), number).events();
        while store.read_events(&trial, number, &events).await?.more {}
    }
    Ok(store)
}

/// The database for looking at. A live supervisor keeps it up to date; where there is none, this
/// catches up first, if the folder may be written to.
pub async fn for_reading(run: &RunDir) -> Result<Store, OpenError> {
    if let Ok(lock) = run.lock() {
        match for_writing(run, &lock).await {
            Ok(store) => store.close().await?,
            Err(error) if !run.database().is_file() => return Err(error.into()),
            Err(error) => tracing::warn!("showing what was recorded before: {error}"),
        }
    }
    Ok(Store::open_read_only(&run.database()).await?)
}
