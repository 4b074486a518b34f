//! The worker's code, as the holder and the program itself report it.

use std::collections::BTreeMap;

use experiments::protocol::events::Code;
use sqlx::SqliteConnection;

use crate::code::narrowed;
use crate::platform::hash::sha256;

type Files = BTreeMap<String, String>;

/// Stores the code of an attempt.
pub(super) async fn store_code(
    db: &mut SqliteConnection,
    attempt_id: i64,
    code: &Code,
) -> Result<(), sqlx::Error> {
    // All at once for the database's thread, as every attempt begins with it.
    let (hash, files) = hashed(&code.files).unzip();
    let statement = sqlx::query(
        "insert or ignore into code (hash, files) values (?, ?);
         update attempt
         set code = coalesce(?, code), code_root = ?, git_commit = ?, git_dirty = ?, interpreter = ?
         where attempt_id = ?;",
    );
    let statement = statement.bind(&hash).bind(files).bind(&hash).bind(&code.root);
    let statement = statement.bind(&code.commit).bind(code.commit.is_some().then_some(code.dirty));
    let interpreter = code.interpreter.as_ref().map(|interpreter| &interpreter.path);
    statement.bind(interpreter).bind(attempt_id).execute(db).await.map(drop)
}

/// Narrows the code of an attempt to the modules that its program imported.
pub(super) async fn store_imports(
    db: &mut SqliteConnection,
    attempt_id: i64,
    imported: &Files,
) -> Result<(), sqlx::Error> {
    let known: Option<(Option<String>, String)> = sqlx::query_as(
        "select code_root, files from attempt join code on code.hash = attempt.code
         where attempt_id = ?",
    )
    .bind(attempt_id)
    .fetch_optional(&mut *db)
    .await?;
    let (root, files) = known.unwrap_or_default();
    let files = serde_json::from_str(&files).unwrap_or_default();
    let code = Code { root: root.unwrap_or_default(), files, ..Code::default() };
    let (hash, files) = hashed(&narrowed(&code, imported)).unzip();
    let statement = sqlx::query(
        "insert or ignore into code (hash, files) values (?, ?);
         update attempt set code = coalesce(?, code) where attempt_id = ?;",
    );
    let statement = statement.bind(&hash).bind(files).bind(&hash).bind(attempt_id);
    statement.execute(db).await.map(drop)
}

/// The hash of a state of the code, and the state as it is stored; `None` without files, which is no row.
fn hashed(files: &Files) -> Option<(String, String)> {
    let text = serde_json::to_string(files).expect("text by text");
    (!files.is_empty()).then(|| (sha256(&text), text))
}
