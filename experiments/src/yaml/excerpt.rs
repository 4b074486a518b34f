//! A line of a file with a position marked in it, as compilers show it.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::error::Position;
use super::printable::printable;

/// Characters that are shown before and after the marked position at most.
const MOST_BESIDE: usize = 60;

/// A line of a file, and a word in it.
///
/// ```text
///   |
/// 8 |   a: {lable: x}
///   |       ^^^^^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Number of the line, from 1.
    pub line: usize,
    /// Column of the word's first character, from 1, in characters.
    pub column: usize,
    /// Characters of the word, 1 or more.
    pub length: usize,
    /// The line as far as it is shown, up to the word.
    before: String,
    /// From the word on.
    after: String,
}

impl Excerpt {
    /// The word at `position` in `line`.
    pub(super) fn new(position: Position, line: &str) -> Self {
        let index = position.column.saturating_sub(1);
        let start = index.saturating_sub(MOST_BESIDE);
        let before: String = line.chars().skip(start).take(index - start).collect();
        let after: String = line.chars().skip(index).take(MOST_BESIDE).collect();
        let is_of_word = |c: &char| c.is_alphanumeric() || "_-./".contains(*c);
        let length = after.chars().take_while(is_of_word).count().max(1);
        let is_cut = line.chars().nth(index + MOST_BESIDE).is_some();
        Self {
            line: position.line,
            column: position.column,
            length,
            before: if start > 0 { format!("…{before}") } else { before },
            after: if is_cut { after + "…" } else { after },
        }
    }

    /// Spaces as wide as the number of the line.
    pub(super) fn margin(&self) -> String {
        " ".repeat(self.line.to_string().len())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let margin = self.margin();
        let shown = |text: &str| printable(&text.replace('\t', " "));
        let before = shown(&self.before);
        let word: String = self.after.chars().take(self.length).collect();
        let indent = " ".repeat(before.width());
        let marks = "^".repeat(shown(&word).width().max(1));
        writeln!(f, "{margin} |")?;
        writeln!(f, "{} | {before}{}", self.line, shown(&self.after))?;
        write!(f, "{margin} | {indent}{marks}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(column: usize, line: &str) -> String {
        Excerpt::new(Position { line: 12, column }, line).to_string()
    }

    #[test]
    fn the_word_is_marked_below_it() {
        assert_eq!(excerpt(6, "  a: {lable: x}"), "   |\n12 |   a: {lable: x}\n   |      ^");
        assert_eq!(excerpt(7, "  a: {lable: x}"), "   |\n12 |   a: {lable: x}\n   |       ^^^^^");
        assert_eq!(excerpt(4, "- [x]"), "   |\n12 | - [x]\n   |    ^");
        // At the end of a line, where something is missing.
        assert_eq!(excerpt(3, "ab"), "   |\n12 | ab\n   |   ^");
    }

    #[test]
    fn wide_characters_tabs_and_control_characters_keep_the_mark_in_place() {
        assert_eq!(excerpt(4, "画: b: 1"), "   |\n12 | 画: b: 1\n   |     ^");
        assert_eq!(excerpt(3, "\t\tb: 1"), "   |\n12 |   b: 1\n   |   ^");
        assert_eq!(excerpt(3, "\u{1b}\"b\""), "   |\n12 | \\u{1b}\"b\"\n   |        ^");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_word_is_shown() {
        let line = format!("{}word{}", "a".repeat(1_000), " b".repeat(1_000));
        let text = excerpt(1_001, &line);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].chars().count() < 140, "{text}");
        assert!(lines[1].contains(&format!("12 | …{}word b b", "a".repeat(60))), "{text}");
        assert!(lines[1].ends_with('…'), "{text}");
        assert_eq!(lines[2].find('^'), lines[1].replace('…', ".").find("word"), "{text}");
    }
}
