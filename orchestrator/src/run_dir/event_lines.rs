//! The events of an attempt, read from their file a few megabytes at a time, also as it grows.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use experiments::protocol::events::{Event, LONGEST_LINE, Line};
use experiments::regular_file;

use crate::platform::line_reader::{self, ReadOffset, Tail};

/// The first event; `None` if there is none yet, or the first line is not one.
pub(crate) fn first_event(path: &Path) -> io::Result<Option<Event>> {
    let file = match regular_file::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut line = Vec::new();
    BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    let is_whole = line.pop() == Some(b'\n');
    let text = String::from_utf8(line).ok().filter(|_| is_whole);
    Ok(text.and_then(|text| Line::parse(&text).ok()).map(|line| line.event))
}

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
        events(&read).for_each(&mut each);
    }
}

/// The events in lines that were read; lines that are none are skipped.
pub(crate) fn events(read: &line_reader::Read) -> impl Iterator<Item = Line> {
    read.lines().filter_map(|line| match line {
        line_reader::Line::Whole(text) => Line::parse(&text).ok(),
        line_reader::Line::TooLong => None,
    })
}
