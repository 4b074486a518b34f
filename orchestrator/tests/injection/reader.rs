//! A long read transaction on the database.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

/// An open read transaction; ended when dropped.
pub(crate) struct Reader {
    _connection: SqliteConnection,
}

impl Reader {
    /// Opens it; `None` while there is no database.
    pub(crate) fn open(database: &Path) -> Option<Self> {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let begin = async {
            let mut connection = options.connect().await?;
            sqlx::query("begin").execute(&mut connection).await?;
            // The transaction takes its snapshot with the first query.
            sqlx::query("select count(*) from point").fetch_one(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(begin).ok().map(|connection| Self { _connection: connection })
    }
}
