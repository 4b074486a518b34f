//! The events of an attempt, read from their file a few megabytes at a time, also as it grows.

use std::io;
use std::path::Path;

use experiments::protocol::events::{LONGEST_LINE, Line};

use crate::platform::line_reader::{self, ReadOffset, Tail};

/// Calls `each` with every event whose line was completed since `offset`, which is moved behind them; lines
/// that are none are skipped.
pub(crate) fn read_events(
    path: &Path,
    offset: &mut ReadOffset,
    mut each: impl FnMut(Line),
) -> io::Result<()> {
    let tail = Tail { path, longest: LONGEST_LINE, end: line_reader::length(path) };
    loop {
        let read = tail.read(*offset)?;
        if read.offset == *offset {
            return Ok(());
        }
        *offset = read.offset;
        for line in read.lines() {
            if let line_reader::Line::Whole(text) = line
                && let Ok(line) = Line::parse(&text)
            {
                each(line);
            }
        }
    }
}
