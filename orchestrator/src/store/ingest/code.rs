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
    sqlx::query(
        "update attempt set code_root = ?, git_commit = ?, git_dirty = ?, interpreter = ?
         where attempt_id = ?",
    )
    .bind(&code.root)
    .bind(&code.commit)
    .bind(code.commit.is_some().then_some(code.dirty))
    .bind(code.interpreter.as_ref().map(|interpreter| &interpreter.path))
    .bind(attempt_id)
    .execute(&mut *db)
    .await?;
    store_files(db, attempt_id, &code.files).await
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
    store_files(db, attempt_id, &narrowed(&code, imported)).await
}

async fn store_files(
    db: &mut SqliteConnection,
    attempt_id: i64,
    files: &Files,
) -> Result<(), sqlx::Error> {
    if files.is_empty() {
        return Ok(());
    }
    let files = serde_json::to_string(files).expect("text by text");
    let hash = sha256(&files);
    sqlx::query("insert or ignore into code (hash, files) values (?, ?)")
        .bind(&hash)
        .bind(&files)
        .execute(&mut *db)
        .await?;
    sqlx::query("update attempt set code = ? where attempt_id = ?")
        .bind(&hash)
        .bind(attempt_id)
        .execute(db)
        .await
        .map(drop)
}
