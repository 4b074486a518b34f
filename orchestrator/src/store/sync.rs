//! Opening a run's database up to date with its files.

use std::path::Path;

use experiments::protocol::trial_id::TrialId;

use crate::platform::error_chain::chain;
use crate::platform::line_reader;
use crate::run_dir::{DatabaseLock, RunDir, RunDirError, SupervisorLock};
use crate::store::database_seal::{self, Condition};
use crate::store::integrity::{self, Extent};
use crate::store::journal_file::{self, JournalError};
use crate::store::{Offsets, Store, StoreError, UnreadEvents};

/// The records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The run cannot be locked.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The journal cannot be repaired.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database, up to date with journal and events, for the process that has the lock, and the damage
/// of the records.
pub(crate) async fn for_writing(run: &RunDir, _lock: &SupervisorLock) -> Result<Store, OpenError> {
    let mut store = make(run, &run.database()).await?;
    let found = integrity::check(&mut store, run, Extent::Changed).await?;
    store.damage.clone_from(&found.damage);
    if found.has_compared() {
        found.record(&mut store).await?;
    }
    store.commit().await?;
    Ok(store)
}

/// The same at the path `database`, made if it is missing, without the damage. The caller has the lock.
pub(crate) async fn make(run: &RunDir, database: &Path) -> Result<Store, OpenError> {
    journal_file::close_torn_line(&run.journal())?;
    let mut store = Store::open(database).await?;
    ingest(&mut store, run, None).await?;
    store.commit().await?;
    Ok(store)
}

/// Ingests journal and events, to their ends or to `offsets`.
pub(crate) async fn ingest(
    store: &mut Store,
    run: &RunDir,
    offsets: Option<&Offsets>,
) -> Result<(), StoreError> {
    store.read_journal_to(&run.journal(), offsets.map_or(u64::MAX, |to| to.journal)).await?;
    let attempts = if let Some(offsets) = offsets {
        offsets.events.clone()
    } else {
        let accepted = store.accepted_files().await?;
        let attempts = store.attempt_files().await?.into_iter();
        let unread = attempts.filter(|attempt| !attempt.is_read(&accepted));
        let attempts = unread.map(|attempt| {
            let (trial, number) = (TrialId(attempt.trial.clone()), attempt.number);
            // The end as of now: a living worker may write faster than this reads. Of an attempt that is
            // over, only what it had written by then.
            let end = line_reader::length(&run.attempt(&trial, number).events());
            (trial, number, end.min(attempt.limit(&accepted).unwrap_or(u64::MAX)))
        });
        attempts.collect()
    };
    let unread = attempts.into_iter().map(|(trial, attempt, end)| {
        let file = run.attempt(&trial, attempt).events();
        UnreadEvents { trial, attempt, file, end }
    });
    store.ingest_events(unread).await
}

/// The database for reading, and the damage of the records. A running supervisor keeps it up to date;
/// without one, or if that keeps another machine's, it is brought up to date first, if the folder is
/// writable.
pub(crate) async fn for_reading(run: &RunDir) -> Result<Store, OpenError> {
    let updated = if let Ok(lock) = run.lock_for_a_moment() {
        if let Some(store) = as_it_is(run).await {
            return Ok(store);
        }
        for_writing(run, &lock).await
    } else if let Some(lock) = run.lock_database_elsewhere() {
        beside_a_supervisor(run, &lock).await
    } else {
        return checked(run).await;
    };
    match updated {
        Ok(store) => store.close().await?,
        Err(error @ OpenError::Store(StoreError::Newer { .. })) => return Err(error),
        Err(error) if !run.database().is_file() => return Err(error),
        Err(error) => tracing::warn!("showing older records: {}", chain(&error)),
    }
    checked(run).await
}

/// The same for the process that has the lock, if nothing has changed since the database was closed;
/// `None` if it has to be brought up to date.
pub(crate) async fn unchanged(run: &RunDir, _lock: &SupervisorLock) -> Option<Store> {
    as_it_is(run).await
}

/// The database as it was closed, if nothing has changed since, so that it need not be written.
async fn as_it_is(run: &RunDir) -> Option<Store> {
    if database_seal::condition(&run.database(), false) != Condition::Intact {
        return None;
    }
    let mut store = Store::open_read_only(&run.database()).await.ok()?;
    let found = integrity::check(&mut store, run, Extent::Changed).await.ok()?;
    if !found.is_current || found.has_compared() {
        return None;
    }
    store.damage = found.damage;
    Some(store)
}

/// The database for reading, and the damage of the records.
async fn checked(run: &RunDir) -> Result<Store, OpenError> {
    let mut store = Store::open_read_only(&run.database()).await?;
    store.damage = integrity::check(&mut store, run, Extent::Changed).await?.damage;
    Ok(store)
}

/// This machine's database, up to date with the files that a supervisor on another machine writes.
async fn beside_a_supervisor(run: &RunDir, _lock: &DatabaseLock) -> Result<Store, OpenError> {
    let mut store = Store::open(&run.database()).await?;
    ingest(&mut store, run, None).await?;
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_dir::attempt::AttemptDir;
    use crate::scheduler::State;
    use crate::store::Times;
    use crate::store::journal_file::{Entry, Journal, Planned};
    use crate::store::tests::{journaled_trial, trial};

    const STARTING: State = State::Starting { attempt: 1 };
    const RUNNING: State = State::Running { attempt: 1 };
    const DONE: State = State::Succeeded { attempt: 1 };

    fn queued() -> State {
        State::Queued { reason: "new".to_owned() }
    }

    fn decide(run: &RunDir, from: State, to: State) {
        let mut journal = Journal::open(&run.journal()).unwrap();
        journal.append(Entry::Changed { trial: trial(), from, to, seal: None }).unwrap();
    }

    /// A run with one trial, which is starting.
    fn run() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path(), "test");
        run.create().unwrap();
        let trials = vec![journaled_trial()];
        let planned = Planned { trials, ..Planned::default() };
        Journal::open(&run.journal()).unwrap().append(Entry::Planned(planned)).unwrap();
        decide(&run, queued(), STARTING);
        (folder, run)
    }

    async fn state(run: &RunDir) -> State {
        let lock = run.lock_for_a_moment().unwrap();
        let mut store = for_writing(run, &lock).await.unwrap();
        let state = store.trials().await.unwrap().remove(0).state;
        store.close().await.unwrap();
        state
    }

    #[tokio::test]
    async fn a_decision_cut_at_any_byte_is_one_or_none() {
        let (_folder, run) = run();
        let before = std::fs::read(run.journal()).unwrap().len();
        decide(&run, STARTING, RUNNING);
        let whole = std::fs::read(run.journal()).unwrap();
        for cut in before..=whole.len() {
            std::fs::write(run.journal(), &whole[..cut]).unwrap();
            let _ = std::fs::remove_file(run.database());
            // It counts once it lacks nothing but its line feed.
            let expected = if cut + 1 >= whole.len() { RUNNING } else { STARTING };
            assert_eq!(state(&run).await, expected, "cut at {cut}");
            // And the next one follows from it.
            decide(&run, expected, DONE);
            assert_eq!(state(&run).await, DONE, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn what_was_written_and_not_ingested_is_ingested_once() {
        let (_folder, run) = run();
        let events = AttemptDir::new(&run.trial(&trial()), 1).events();
        std::fs::create_dir_all(events.parent().unwrap()).unwrap();
        assert_eq!(state(&run).await, STARTING);
        // A supervisor that is killed leaves files ahead of the database.
        decide(&run, STARTING, RUNNING);
        std::fs::write(&events, "{\"event\":\"metrics\",\"step\":1,\"values\":{\"m\":1}}\n{\"eve")
            .unwrap();
        for _ in 0..2 {
            assert_eq!(state(&run).await, RUNNING);
            let mut store = for_reading(&run).await.unwrap();
            let series = &store.series("m", Times::Left).await.unwrap()[&trial()];
            let points: Vec<_> = series.iter().map(|sample| (sample.step, sample.value)).collect();
            assert_eq!(points, [(1, 1.0)]);
        }
    }

    #[tokio::test]
    async fn beside_a_supervisor_what_it_has_ingested_is_shown() {
        let (_folder, run) = run();
        assert_eq!(state(&run).await, STARTING);
        let lock = run.lock().unwrap();
        assert!(matches!(run.lock(), Err(RunDirError::Supervised { .. })));
        decide(&run, STARTING, RUNNING);
        let mut store = for_reading(&run).await.unwrap();
        assert_eq!(store.trials().await.unwrap()[0].state, STARTING);
        drop(lock);
        let mut store = for_reading(&run).await.unwrap();
        assert_eq!(store.trials().await.unwrap()[0].state, RUNNING);
    }
}
