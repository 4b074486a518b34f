//! Names that the command line and the file use for what the file defines.

use crate::yaml::suggest::nearest;

/// `Err((message, hint))` unless `name` is among the known names.
pub(crate) fn check_name<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), (String, Option<String>)> {
    if known.clone().any(|k| k == name) {
        return Ok(());
    }
    let all: Vec<_> = known.clone().map(|k| format!("`{k}`")).collect();
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if all.is_empty() => format!("the file has no {what}s"),
        None => format!("the file has {}", all.join(", ")),
    };
    Err((format!("there is no {what} `{name}`"), Some(hint)))
}
