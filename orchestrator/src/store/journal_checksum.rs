//! The checksum at the end of every line of the journal.

use std::io;
use std::path::Path;

use crate::platform::hash::sha256;
use crate::platform::line_reader::{self, ReadOffset, Tail};

/// The beginning of the last member of a line.
const MEMBER: &str = r#","sum":""#;

/// Hexadecimal digits of a checksum: the first of a SHA-256.
const DIGITS: usize = 16;

/// `json`, an object, with its checksum as the last member, and that checksum.
pub(super) fn with_checksum(json: &str) -> (String, String) {
    let body = json.strip_suffix('}').expect("an object");
    let checksum = checksum(body);
    (format!("{body}{MEMBER}{checksum}\"}}"), checksum)
}

/// The checksum of a line's text before it.
pub(super) fn checksum(body: &str) -> String {
    sha256(body)[..DIGITS].to_owned()
}

/// A line's text before its checksum, and the checksum that it states; `None` if it is not a whole line.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let (body, stated) = text.strip_suffix("\"}")?.rsplit_once(MEMBER)?;
    let is_checksum = stated.len() == DIGITS && stated.bytes().all(|b| b.is_ascii_hexdigit());
    is_checksum.then_some((body, stated))
}

/// The checksum that the last whole line of the journal at `path` states; empty without one.
pub(super) fn last_checksum(path: &Path) -> io::Result<String> {
    let mut last = String::new();
    for_each_line(path, u64::MAX, |_, text| {
        if let Some((_, stated)) = split(text) {
            stated.clone_into(&mut last);
        }
    })?;
    Ok(last)
}

/// Calls `each` with the number and the text of every line before the byte `end`.
pub(super) fn for_each_line(
    path: &Path,
    end: u64,
    mut each: impl FnMut(u64, &str),
) -> io::Result<()> {
    let tail = Tail { path, longest: u64::MAX, end };
    let mut offset = ReadOffset::default();
    loop {
        let read = tail.read(offset)?;
        if read.offset == offset {
            return Ok(());
        }
        for (number, line) in (offset.lines + 1..).zip(read.lines()) {
            if let line_reader::Line::Whole(text) = line {
                each(number, &text);
            }
        }
        offset = read.offset;
    }
}
