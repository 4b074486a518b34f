//! Suggestions for misspelt names.

/// Bytes of a word; a longer one is not a typo, and would take long to compare.
const MAX_WORD: usize = 1_000;

/// Words below this similarity (normalised Damerau–Levenshtein) are not suggested.
const MIN_SIMILARITY: f64 = 0.5;

/// The known word that is most similar to `word`; `None` if none is similar enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(word, known), known))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_nothing_far() {
        assert_eq!(nearest("lable", ["label", "set"]), Some("label"));
        assert_eq!(nearest("colour", ["label", "set"]), None);
    }
}
