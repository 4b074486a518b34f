//! Suggestions for misspelt names.

/// A longer word is not a misspelt one, and takes long to compare.
const MAX_WORD: usize = 1_000;

/// The known word that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What is that long is no misspelt word, and takes long to compare.
    if word.len() > MAX_WORD {
        return None;
    }
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(word, known), known))
        .filter(|(similarity, _)| *similarity >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_nothing_far() {
        assert_eq!(nearest("lable", ["label", "set"]), Some("label"));
        assert_eq!(nearest("colour", ["label", "set"]), None);
    }
}
