//! SQLite on the caller's thread, for all that a run writes and for rows by the thousand: sqlx has a thread for
//! a connection, copies every value and hands it over, which takes several times as long.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use rusqlite::{Connection, Params, Row};
use sqlx::SqliteConnection;
use sqlx::sqlite::LockedSqliteHandle;

use super::{Store, StoreError};

/// Statements that are kept: more than [`super::ingest`] has.
const STATEMENTS: usize = 64;

/// A connection of sqlx, in its transaction, as one of rusqlite, which keeps its statements as long as this
/// lives.
pub(super) struct Direct<'c> {
    // Dropped before the lock: until then its statements are the connection's.
    connection: Connection,
    _lock: LockedSqliteHandle<'c>,
}

impl<'c> Direct<'c> {
    /// `connection` to the database at `path`.
    pub(super) async fn new(
        connection: &'c mut SqliteConnection,
        path: &Path,
    ) -> Result<Self, StoreError> {
        let mut lock = connection.lock_handle().await.map_err(Store::sql_error(path))?;
        #[expect(
            unsafe_code,
            reason = "sqlx's own thread leaves the connection alone while it is locked"
        )]
        let connection = unsafe { Connection::from_handle(lock.as_raw_handle().as_ptr()) };
        let connection = connection.map_err(Store::sql_error(path))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection, _lock: lock })
    }

    /// Every row that `select` gives, as `read` takes it.
    pub(super) fn rows<T>(
        &self,
        select: &str,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.connection.prepare(select)?.query_map((), read)?.collect()
    }
}

/// Runs a statement that is kept for the next time; the number of rows that it changed.
pub(super) fn execute(
    db: &Connection,
    statement: &str,
    parameters: impl Params,
) -> rusqlite::Result<usize> {
    db.prepare_cached(statement)?.execute(parameters)
}

impl Store {
    /// Its connection, for rows by the thousand.
    pub(super) async fn direct(&mut self) -> Result<Direct<'_>, StoreError> {
        Direct::new(&mut self.connection, &self.path).await
    }
}

impl Deref for Direct<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

// A reference that excludes others may go to another thread.
impl DerefMut for Direct<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
