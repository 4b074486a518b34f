//! `orch schema`: the JSON Schema of experiment files.

use experiments::protocol::exit;
use experiments::schema::json_schema::json_schema;

use super::error::Result;
use super::output::print_json;

/// Runs the verb.
pub(super) fn run() -> Result<u8> {
    print_json(&json_schema())?;
    Ok(exit::OK)
}
