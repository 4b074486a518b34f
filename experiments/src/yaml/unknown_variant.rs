//! A word that is none of those that a key allows, in the file's own terms.

/// Rewords serde's error of an unknown enum variant at a JSON pointer: "`better` is `higher` or `lower`,
/// not `up`". `None` for any other error.
pub(super) fn reworded(message: &str, pointer: &str) -> Option<String> {
    let (word, known) = message.strip_prefix("unknown variant `")?.rsplit_once("`, expected ")?;
    let known: Vec<_> =
        known.split('`').skip(1).step_by(2).map(|name| format!("`{name}`")).collect();
    let known = match known.split_last()? {
        (only, []) => only.clone(),
        (last, others) => format!("{} or {last}", others.join(", ")),
    };
    let mut keys = pointer.rsplit('/');
    let subject = match keys.next()? {
        index if index.parse::<usize>().is_ok() => format!("an item of `{}`", keys.next()?),
        key => format!("`{key}`"),
    };
    Some(format!("{subject} is {known}, not `{word}`"))
}
