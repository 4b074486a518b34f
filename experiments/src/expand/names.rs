//! References by name, in the file and on the command line.

use crate::yaml::source::Finding;
use crate::yaml::suggest::nearest;

/// A reference to something that the file does not define.
#[derive(Debug, thiserror::Error)]
#[error("there is no {kind} `{name}`")]
pub(crate) struct UnknownName {
    kind: &'static str,
    name: String,
    /// The most similar name, or all names.
    pub(crate) hint: String,
}

impl UnknownName {
    /// A finding at an argument of the command line.
    pub(crate) fn at(self, argument: String) -> Finding {
        Finding::new(argument, self.to_string()).hint(Some(self.hint))
    }
}

/// An error unless `name` is one of the `known` names of that kind.
pub(crate) fn check_name<'a>(
    kind: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), UnknownName> {
    if known.clone().any(|known| known == name) {
        return Ok(());
    }
    let all: Vec<_> = known.clone().map(|known| format!("`{known}`")).collect();
    let hint = match nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if all.is_empty() => format!("the file has no {kind}s"),
        None => format!("the file has {}", all.join(", ")),
    };
    Err(UnknownName { kind, name: name.to_owned(), hint })
}
