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

/// True if `word` of three letters or more is `known` but for one letter that is missing, added or
/// another, or two that are swapped. Words that differ by a digit, or by a part of one letter (`x_scale`,
/// `y_scale`), were chosen so.
pub(crate) fn is_typo(word: &str, known: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), known.chars().collect());
    if a.len() < 3 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let shorter = a.len().min(b.len());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let end = end.min(shorter - start);
    let (a, b) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    let is_one_edit = match (a, b) {
        ([_], [_]) => !differs_by_symbol(word, known),
        ([_], []) | ([], [_]) => true,
        ([a, b], [c, d]) => (a, b) == (d, c),
        _ => false,
    };
    is_one_edit && a.iter().chain(b).all(|c| c.is_alphabetic() || matches!(c, '_' | '-'))
}

/// True if two words differ in a part that is a single letter in both.
fn differs_by_symbol(a: &str, b: &str) -> bool {
    a.split(['_', '-']).zip(b.split(['_', '-'])).any(|(a, b)| a != b && a.chars().count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_one_letter_away_and_no_name_of_its_own() {
        for (word, known) in [
            ("widht", "width"),
            ("lrr", "lr"),
            ("lern_rate", "learn_rate"),
            ("batchsize", "batch_size"),
            ("dropoutt", "dropout"),
            ("wodth", "width"),
            ("größse", "größe"),
        ] {
            assert!(is_typo(word, known), "{word}");
        }
        for (word, known) in [
            ("depth2", "depth"),
            ("beta1", "beta2"),
            ("lr_min", "lr"),
            ("x_scale", "y_scale"),
            ("lr_g", "lr_d"),
            ("lr", "lrr"),
            ("width", "width"),
            ("train", "trial"),
            ("abba", "baab"),
        ] {
            assert!(!is_typo(word, known), "{word}");
        }
    }

    #[test]
    fn the_nearest_word_is_suggested_and_nothing_far() {
        assert_eq!(nearest("lable", ["label", "set"]), Some("label"));
        assert_eq!(nearest("colour", ["label", "set"]), None);
    }
}
