//! Somebody who looks into the database and does not stop looking.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

/// A read transaction that is open while this value lives.
pub(crate) struct Reader {
    _connection: SqliteConnection,
}

impl Reader {
    /// Begins to read; `None` while there is nothing to read yet.
    pub(crate) fn open(database: &Path) -> Option<Self> {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let begin = async {
            let mut connection = options.connect().await?;
            sqlx::query("begin").execute(&mut connection).await?;
            // A transaction begins with the first look.
            sqlx::query("select count(*) from point").fetch_one(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(begin).ok().map(|connection| Self { _connection: connection })
    }
}
