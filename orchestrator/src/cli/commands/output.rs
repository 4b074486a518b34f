//! Standard output for data, standard error for messages.

use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use crate::display::style::is_coloured;
use crate::display::text::harmless;

/// Prints data on standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    print_bytes(harmless(text).as_bytes())
}

/// Prints lines of this program with the codes of a terminal for colours, without them where there are to
/// be none.
pub(super) fn print_styled(text: &str) -> io::Result<()> {
    if is_coloured(&io::stdout()) {
        print_bytes(text.as_bytes())
    } else {
        print_bytes(strip_str(text).to_string().as_bytes())
    }
}

/// Columns of the terminal that is standard output; `None` if it is something else.
pub(super) fn terminal_width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    io::stdout().is_terminal().then_some(usize::from(size.ws_col)).filter(|width| *width > 0)
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
