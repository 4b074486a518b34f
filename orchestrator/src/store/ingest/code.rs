//! The worker's code, as the holder and the program itself report it.

use std::collections::BTreeMap;

use experiments::protocol::events::Code;
use rusqlite::{Connection, OptionalExtension};

use crate::code::narrowed;
use crate::platform::hash::sha256;
use crate::store::direct::execute;

type Files = BTreeMap<String, String>;

/// Stores the code of an attempt.
pub(super) fn store_code(db: &Connection, attempt_id: i64, code: &Code) -> rusqlite::Result<()> {
    let hash = store_files(db, &code.files)?;
    execute(
        db,
        "update attempt
         set code = coalesce(?, code), code_root = ?, git_commit = ?, git_dirty = ?, interpreter = ?
         where attempt_id = ?",
        (
            hash,
            &code.root,
            &code.commit,
            code.commit.is_some().then_some(code.dirty),
            code.interpreter.as_ref().map(|interpreter| &interpreter.path),
            attempt_id,
        ),
    )
    .map(drop)
}

/// Narrows the code of an attempt to the modules that its program imported.
pub(super) fn store_imports(
    db: &Connection,
    attempt_id: i64,
    imported: &Files,
) -> rusqlite::Result<()> {
    let mut select = db.prepare_cached(
        "select code_root, files from attempt join code on code.hash = attempt.code
         where attempt_id = ?",
    )?;
    let known = select.query_row([attempt_id], |row| Ok((row.get(0)?, row.get(1)?)));
    let (root, files): (Option<String>, String) = known.optional()?.unwrap_or_default();
    let files = serde_json::from_str(&files).unwrap_or_default();
    let code = Code { root: root.unwrap_or_default(), files, ..Code::default() };
    let hash = store_files(db, &narrowed(&code, imported))?;
    let update = "update attempt set code = coalesce(?, code) where attempt_id = ?";
    execute(db, update, (hash, attempt_id)).map(drop)
}

/// Stores a state of the code, unless it is known; its hash. `None` without files, which is no row.
fn store_files(db: &Connection, files: &Files) -> rusqlite::Result<Option<String>> {
    if files.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(files).expect("text by text");
    let hash = sha256(&text);
    execute(db, "insert or ignore into code (hash, files) values (?, ?)", (&hash, text))?;
    Ok(Some(hash))
}
