//! The JSON Schema of experiment files, by which editors complete keys and mark mistakes. It follows from
//! the types that read the file, and their documentation; references from one section to another are
//! beyond it.

use regex::{Captures, Regex};
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::schema::file::File;

/// The schema, as a JSON object.
pub fn json_schema() -> Value {
    let mut schema = schema_for!(File);
    RecursiveTransform(plain_description).transform(&mut schema);
    schema.insert("title".to_owned(), "Experiment file of orch".into());
    schema.into()
}

/// Writes links of the documentation, which lead nowhere from an editor, as plain names.
fn plain_description(schema: &mut Schema) {
    let link = Regex::new(r"\[`(?:\w+::)*(\w+)`\]").expect("it is a pattern");
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let plain = link.replace_all(text, |name: &Captures| format!("`{}`", &name[1]));
        *text = plain.replace('\n', " ");
    }
}
