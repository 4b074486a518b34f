//! Text of a file for a terminal.

/// Characters of a text; the rest is cut off.
const MAX_MESSAGE: usize = 1_000;

/// The text cut to [`MAX_MESSAGE`], control characters other than line feeds escaped: they could
/// move a terminal's cursor.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::new();
    for c in text.chars().take(MAX_MESSAGE) {
        if c.is_control() && c != '\n' {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    if text.chars().nth(MAX_MESSAGE).is_some() { printable + " …" } else { printable }
}
