//! Plain scalars that are text, and look like something else: to YAML 1.1, which other programs read,
//! or to people.

use super::error::Position;

/// A plain scalar that is text and does not look like it.
#[derive(Debug, Clone)]
pub(crate) struct AmbiguousText {
    /// JSON pointer to it.
    pub(crate) pointer: String,
    /// Its own position, not that of its key.
    pub(crate) position: Position,
    pub(crate) word: String,
    pub(crate) looks_like: Lookalike,
}

/// The appearance of such a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookalike {
    /// YAML 1.1 has more words for them.
    Boolean,
    /// With separators or leading zeros, or incomplete, or in words.
    Number,
    /// Of YAML 1.1, or a time of day, which is a number to base 60 there.
    Date,
    /// Python's word for nothing.
    Nothing,
}

impl Lookalike {
    /// The appearance of `word`, a scalar without quotes; None if it looks like text.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "yes" | "no" | "on" | "off" => return Some(Self::Boolean),
            "nan" | "inf" | "+inf" | "-inf" => return Some(Self::Number),
            _ if word == "None" => return Some(Self::Nothing),
            _ => {}
        }
        if is_date(word) || is_base_60(word) {
            return Some(Self::Date);
        }
        is_number(word).then_some(Self::Number)
    }

    /// The message about `word`.
    pub(crate) fn message(self, word: &str) -> String {
        let (kind, instead) = match self {
            Self::Boolean => ("a boolean", "write `true` or `false`, or "),
            Self::Number => ("a number", "write it as in `1000`, `0.5` or `1e-3`, or "),
            Self::Date => ("a date or a time", ""),
            Self::Nothing => ("nothing", "write `null`, or "),
        };
        format!(
            "`{word}` looks like {kind} and is read as text: {instead}put quotes around it if it is text"
        )
    }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-11-29`, alone or before a time.
fn is_date(word: &str) -> bool {
    let date = word.split([' ', 'T', 't']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    matches!(parts[..], [year, month, day] if year.len() == 4
        && (1..=2).contains(&month.len())
        && (1..=2).contains(&day.len())
        && [year, month, day].into_iter().all(are_digits))
}

/// `1:30`, `12:30:45`.
fn is_base_60(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    parts.len() > 1 && parts.iter().all(|part| are_digits(part) && part.len() <= 2)
}

/// `1_000`, `1,000`, `010`, `.5e`, `1e-`.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let complete = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, "" | "-" | "+")) => mantissa,
        _ => unsigned,
    };
    let digits = without_separators(complete);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok()
}

/// Without underscores between digits, and commas between groups of three.
fn without_separators(number: &str) -> String {
    let mut groups = number.split(',');
    let first_is_short = groups.next().is_some_and(|group| group.len() <= 3);
    let are_groups = groups.clone().all(|group| group.len() == 3 && are_digits(group));
    let with_commas = groups.next().is_some() && first_is_short && are_groups;
    let kept = |c: &char| *c != '_' && (*c != ',' || !with_commas);
    number.chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_people_and_yaml_1_1_read_otherwise() {
        use Lookalike as L;
        for (words, expected) in [
            (&["no", "On", "YES", "off"][..], Some(L::Boolean)),
            (&["1_000", "010", ".5e", "1e-", "-007", "1,000,000", "nan", "-Inf"], Some(L::Number)),
            (&["2026-11-29", "2026-1-2 10:00:00", "12:30", "1:30:00"], Some(L::Date)),
            (&["None"], Some(L::Nothing)),
            (
                &[
                    "none", "north", "y", "v1", "1.2.3", "10-20", "1,2", "1,2,3", "a:b", "e", "-",
                    "", "resnet18", "10.0.0.1", "5e-3x", "1x", "_", "3-4-5", "10:b",
                ],
                None,
            ),
        ] {
            for word in words {
                assert_eq!(Lookalike::of(word), expected, "{word}");
            }
        }
    }
}
