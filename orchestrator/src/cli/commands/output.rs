//! Standard output for data, standard error for messages.

use std::io::{self, Write};

use serde::Serialize;

use crate::display::text::harmless;

/// Prints data on standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    print_bytes(harmless(text).as_bytes())
}

/// Prints one JSON object on standard output.
pub(super) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    print_bytes(escaped(&text).as_bytes())
}

/// JSON text without characters that a terminal interprets; they can only be within strings.
pub(super) fn escaped(json: &str) -> String {
    json.chars()
        .map(|c| match c {
            c if c.is_control() && c != '\n' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

/// Prints bytes of this program on standard output, as they are.
pub(super) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // A closed pipe (`| head`) is not an error.
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a message for people on standard error.
pub(super) fn print_message(text: &str) {
    // Standard error may be closed.
    drop(writeln!(io::stderr(), "{}", harmless(text)));
}
