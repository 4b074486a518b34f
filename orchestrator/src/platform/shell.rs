//! Quoting for a POSIX shell.

/// `word`, quoted if a shell would otherwise read it as anything else.
pub(crate) fn quoted(word: &str) -> String {
    // Looser than the crate `shlex`, which quotes every `name=value`.
    if !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c))
    {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
