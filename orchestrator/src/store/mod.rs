//! `orch.db`: the index over a run's journal and events. The only module that knows SQL.
//!
//! There is one writer, which has the supervisor's lock, or that of a database elsewhere. Each batch
//! is one transaction that also stores the position in the file that was read.

mod attempts;
mod builds;
pub(crate) mod damage;
mod database_seal;
mod direct;
mod file_stamp;
mod ingest;
mod ingest_lag;
pub(crate) mod integrity;
mod journal_chain;
mod journal_checksum;
pub mod journal_file;
mod point_reader;
mod points;
mod preregistrations;
pub(crate) mod rebuild;
mod retry_history;
pub(crate) mod sealed_files;
mod series;
mod skipped_lines;
mod sql_query;
pub(crate) mod sync;
#[cfg(test)]
mod tests;
mod trials;
mod verify;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;
use serde::de::DeserializeOwned;
use sqlx::query::QueryAs;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, FromRow, Sqlite, SqliteConnection};

pub(crate) use attempts::AttemptDetail;
pub use builds::Origins;
pub(crate) use builds::{CodeFiles, CodeRecord};
use damage::Damage;
use database_seal::Condition;
pub use ingest::{EventsRead, UnreadEvents};
use journal_file::JournalPosition;
pub use journal_file::Unneeded;
pub(crate) use point_reader::Samples;
pub use point_reader::Times;
pub(crate) use points::Point;
pub(crate) use preregistrations::Preregistration;
pub use retry_history::AttemptHistory;
pub use skipped_lines::SkippedLines;
pub(crate) use sql_query::{Cell, QueryError, Rows};
pub(crate) use trials::ArtifactRecord;
pub use trials::{AttemptRecord, TrialRecord};
pub(crate) use verify::Offsets;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// The time that a reader or the writer waits for the other.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The database, open for writing or only for reading.
#[derive(Debug)]
pub struct Store {
    connection: SqliteConnection,
    path: PathBuf,
    /// True if this is the one writer.
    writes: bool,
    /// True if rows were written since the last [`Self::commit`].
    in_transaction: bool,
    /// Lines of events that they were read from.
    uncommitted_lines: u64,
    /// The position in the journal up to which it has been ingested; `None` until it was read.
    journal: Option<JournalPosition>,
    /// Stamps that were verified since the last [`Self::commit`], by path.
    verified: BTreeMap<String, String>,
    /// The records of the run that are damaged, as of when it was opened.
    pub(crate) damage: BTreeSet<Damage>,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was changed by somebody else after it was closed, and cannot be made again here.
    #[error(
        "the database `{}` is damaged: it is not as it was closed\n\nhint: any command makes it again \
         from journal and events where the run's folder is writable and no supervisor is running it",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
    },
    /// Its seal cannot be written, or a damaged database not be moved.
    #[error("cannot seal the database `{}`", path.display())]
    Seal {
        /// The database.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// SQLite failed.
    #[error("cannot use the database `{}`", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// SQLite's error.
        source: SqlError,
    },
    /// A later version of this program made it.
    #[error(
        "the database `{}` was made by a newer `orch` (version {there} of its tables; this one knows \
         {known})\n\nhint: use that one, or `orch db rebuild`, which makes the database again from \
         journal and events and loses nothing",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Version of its tables.
        there: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// An earlier version of this program made it, and it cannot be brought up to date now.
    #[error(
        "the database `{}` was made by an older `orch` (version {there} of its tables; this one needs \
         {known})\n\nhint: any command of this one migrates it once it is writable and no supervisor \
         is running the run",
        path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// Version of its tables.
        there: i64,
        /// The version that is needed here.
        known: i64,
    },
    /// Its tables cannot be migrated.
    #[error("cannot migrate the database `{}`", path.display())]
    Migrate {
        /// The database.
        path: PathBuf,
        /// The migration's error.
        source: sqlx::migrate::MigrateError,
    },
    /// A file that it indexes cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another version of this program wrote the journal.
    #[error(
        "`{}` has version {version} of the journal's format, and this `orch` reads version {}\n\n\
         hint: use the `orch` that wrote it",
        path.display(),
        journal_file::VERSION
    )]
    JournalVersion {
        /// The journal.
        path: PathBuf,
        /// Its version; 0 where it has none.
        version: u32,
    },
    /// A value in the database is not as it was written.
    #[error(
        "the database `{}` is damaged: {what} cannot be read\n\nhint: `orch db rebuild` makes the \
         database again from journal and events and loses nothing",
        path.display()
    )]
    DamagedValue {
        /// The database.
        path: PathBuf,
        /// The value.
        what: String,
        /// The reader's error.
        source: serde_json::Error,
    },
}

/// An error of SQLite, by either of the libraries that it is used through.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// In general.
    #[error(transparent)]
    Sqlx(#[from] sqlx::Error),
    /// Where there are rows by the thousand.
    #[error(transparent)]
    Rusqlite(#[from] rusqlite::Error),
}

/// SQLite's result code for a full disk, `SQLITE_FULL`.
const SQLITE_FULL: &str = "13";

impl StoreError {
    /// True if `cause`, from the sources of such an error, is SQLite's report of a full disk.
    pub(crate) fn is_by_full_disk(cause: &(dyn std::error::Error + 'static)) -> bool {
        match cause.downcast_ref() {
            Some(SqlError::Sqlx(sqlx::Error::Database(error))) => {
                error.code().is_some_and(|code| code == SQLITE_FULL)
            }
            Some(SqlError::Rusqlite(error)) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }
}

/// True if SQLite has to be told that there is no writer of the database at `path`: it cannot make its lock file
/// there, and there is no write-ahead log to read.
fn is_immutable(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    let writable = rustix::fs::access(folder, Access::WRITE_OK).is_ok();
    !writable && !path.with_extension("db-wal").exists()
}

/// The newest version of the tables that is known here.
fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Store {
    /// Opens the database at `path` for the one writer, made and migrated as needed. One that was damaged
    /// since it was closed is renamed.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let seal_error = |source| StoreError::Seal { path: path.to_owned(), source };
        if database_seal::condition(path, false) == Condition::Damaged {
            let renamed = database_seal::rename_damaged(path).map_err(seal_error)?;
            tracing::warn!(
                "`{}` is damaged, and is made again from journal and events; the damaged one is now `{}`",
                path.display(),
                renamed.display()
            );
        }
        database_seal::remove(path).map_err(seal_error)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL this can lose the last transactions in a power cut, but never corrupt; what
            // is lost is read again from journal and events.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let mut store = Self::connect(path, &options, true).await?;
        if let Some(there) = store.version().await?.filter(|there| *there > known_version()) {
            return Err(StoreError::Newer { path: path.to_owned(), there, known: known_version() });
        }
        let migrated = MIGRATIONS.run(&mut store.connection).await;
        migrated.map_err(|source| StoreError::Migrate { path: path.to_owned(), source })?;
        Ok(store)
    }

    /// Opens the database at `path` for reading beside a writer.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if database_seal::condition(path, false) == Condition::Damaged {
            return Err(StoreError::Damaged { path: path.to_owned() });
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_immutable(path))
            .busy_timeout(BUSY_TIMEOUT)
            // Its thread is woken for this many rows at once, and not for every few.
            .row_buffer_size(1024)
            // KiB, for joins of ten thousand trials.
            .pragma("cache_size", "-32768")
            // A query that takes long is no reason for a warning.
            .disable_statement_logging();
        let mut store = Self::connect(path, &options, false).await?;
        let (there, known) = (store.version().await?.unwrap_or(0), known_version());
        let path = path.to_owned();
        match there.cmp(&known) {
            Ordering::Less => Err(StoreError::Older { path, there, known }),
            Ordering::Equal => Ok(store),
            Ordering::Greater => Err(StoreError::Newer { path, there, known }),
        }
    }

    /// The newest migration that has been run on it; `None` on a new one.
    async fn version(&mut self) -> Result<Option<i64>, StoreError> {
        let sql = Self::sql_error(&self.path);
        let migrated: bool = sqlx::query_scalar(
            "select exists (select 1 from sqlite_schema where name = '_sqlx_migrations')",
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(&sql)?;
        if !migrated {
            return Ok(None);
        }
        sqlx::query_scalar("select max(version) from _sqlx_migrations")
            .fetch_one(&mut self.connection)
            .await
            .map_err(&sql)
    }

    async fn connect(
        path: &Path,
        options: &SqliteConnectOptions,
        writes: bool,
    ) -> Result<Self, StoreError> {
        let connection = options.connect().await.map_err(Self::sql_error(path))?;
        let (path, damage) = (path.to_owned(), BTreeSet::new());
        Ok(Self {
            connection,
            path,
            writes,
            in_transaction: false,
            uncommitted_lines: 0,
            journal: None,
            verified: BTreeMap::new(),
            damage,
        })
    }

    /// Begins a transaction, unless one has begun. Every writer calls it first: what one has begun and an
    /// error has cut short is never committed, since its caller gives the store up.
    async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.in_transaction {
            let begun = sqlx::query("begin immediate").execute(&mut self.connection).await;
            begun.map_err(Self::sql_error(&self.path))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits what was written since the last call: from now on other processes see it.
    pub async fn commit(&mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            self.store_journal_position().await?;
            self.store_verified().await?;
            let committed = sqlx::query("commit").execute(&mut self.connection).await;
            committed.map_err(Self::sql_error(&self.path))?;
            (self.in_transaction, self.uncommitted_lines) = (false, 0);
        }
        Ok(())
    }

    /// Commits, ends writing, and seals the database. SQLite folds the write-ahead log in as its last user
    /// leaves, so that the database is one plain file; while there is a reader, the log stays.
    ///
    /// The database stays in WAL mode: with a reader, a writer could not return to it.
    pub(crate) async fn close(mut self) -> Result<(), StoreError> {
        self.commit().await?;
        let Self { connection, path, writes, .. } = self;
        let closed = connection.close().await;
        closed.map_err(Self::sql_error(&path))?;
        if writes {
            database_seal::write(&path).map_err(|source| StoreError::Seal { path, source })?;
        }
        Ok(())
    }

    /// Every row that `select` gives.
    async fn fetch_all<T>(
        &mut self,
        select: QueryAs<'_, Sqlite, T, SqliteArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        select.fetch_all(&mut self.connection).await.map_err(Self::sql_error(&self.path))
    }

    /// A value that the database has as JSON; `what` it is, for people.
    fn decode<T: DeserializeOwned>(
        &self,
        json: &str,
        what: impl FnOnce() -> String,
    ) -> Result<T, StoreError> {
        decode(&self.path, json, what)
    }

    fn sql_error<E: Into<SqlError>>(path: &Path) -> impl Fn(E) -> StoreError + use<E> {
        let path = path.to_owned();
        move |error| StoreError::Sql { path: path.clone(), source: error.into() }
    }
}

/// A value that the database at `path` has as JSON; `what` it is, for people.
fn decode<T: DeserializeOwned>(
    path: &Path,
    json: &str,
    what: impl FnOnce() -> String,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|source| StoreError::DamagedValue {
        path: path.to_owned(),
        what: what(),
        source,
    })
}
