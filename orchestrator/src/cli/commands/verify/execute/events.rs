//! The events of an attempt, read as they are appended.

use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::events::{Event, LONGEST_LINE, Line};

use crate::platform::line_reader::{self, ReadOffset, Tail};

/// Reads a file of events that grows.
pub(super) struct EventReader {
    path: PathBuf,
    offset: ReadOffset,
}

impl EventReader {
    /// Reads the file at `path` from its beginning, once there is one.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: ReadOffset::default() }
    }

    /// The events of the lines that were completed since the last call; lines that are none are skipped.
    pub(super) fn next_events(&mut self) -> io::Result<Vec<Event>> {
        let end = line_reader::length(&self.path);
        let tail = Tail { path: &self.path, longest: LONGEST_LINE, end };
        let mut events = Vec::new();
        loop {
            let read = tail.read(self.offset)?;
            events.extend(read.lines().filter_map(|line| match line {
                line_reader::Line::Whole(text) => Line::parse(&text).ok().map(|line| line.event),
                line_reader::Line::TooLong => None,
            }));
            if read.offset == self.offset {
                return Ok(events);
            }
            self.offset = read.offset;
        }
    }
}

/// Every event of the file at `path`; none if it cannot be read.
pub(super) fn read_all(path: &Path) -> Vec<Event> {
    EventReader::new(path).next_events().unwrap_or_default()
}
