//! Reads whole lines from a file that grows, in bounded memory whatever it holds.

use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom};
use std::path::Path;

/// How much is read at a time.
const CHUNK: u64 = 4 << 20;

/// How far a file has been read: all that a reader has to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes.
    pub offset: u64,
    /// Lines that began before `offset`.
    pub lines: u64,
    /// Whether `offset` lies within a line that is too long to be read.
    pub in_long_line: bool,
}

/// What there was to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The lines that are new; the last one is number `place.lines`.
    pub lines: Vec<Line>,
    /// Where to go on.
    pub place: Place,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Without its line feed; bytes that are not UTF-8 are replaced.
    Whole(String),
    /// Longer than the reader takes.
    TooLong,
}

/// What is new in a file.
#[derive(Debug, Clone, Copy)]
pub struct Tail<'a> {
    /// The file; a missing one has no lines.
    pub path: &'a Path,
    /// Lines of more bytes than this are passed over, without ever being held in memory.
    pub longest: u64,
    /// What lies behind this offset is not read.
    pub end: u64,
}

/// The file's length in bytes now; none of one that is missing.
pub fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

impl Tail<'_> {
    /// The whole lines from `from` on, at most a few megabytes of them. A torn last line is left for
    /// later. Call again until the place stays the same.
    pub fn read(&self, from: Place) -> io::Result<Read> {
        let mut file = match File::open(self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Read { lines: Vec::new(), place: from });
            }
            Err(e) => return Err(e),
        };
        file.seek(SeekFrom::Start(from.offset))?;
        let mut unread = file.take(self.end.saturating_sub(from.offset).min(CHUNK));
        let mut bytes = Vec::new();
        unread.read_to_end(&mut bytes)?;
        // A line longer than a chunk is read on until its end, if it may be so long.
        while unread.limit() == 0 && !bytes.contains(&b'\n') && bytes.len() as u64 <= self.longest {
            let left = self.end.saturating_sub(from.offset + bytes.len() as u64);
            unread.set_limit(left.min(bytes.len() as u64));
            if unread.read_to_end(&mut bytes)? == 0 {
                break;
            }
        }
        Ok(self.cut(&bytes, from))
    }

    /// The lines in `bytes`, which stand at `from`.
    fn cut(&self, bytes: &[u8], from: Place) -> Read {
        let (mut lines, mut place) = (Vec::new(), from);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            let too_long = line.unwrap_or(piece).len() as u64 > self.longest;
            if line.is_none() && !too_long && !place.in_long_line {
                break;
            }
            if !place.in_long_line {
                place.lines += 1;
                lines.push(match line {
                    Some(line) if !too_long => {
                        Line::Whole(String::from_utf8_lossy(line).into_owned())
                    }
                    _ => Line::TooLong,
                });
            }
            place.offset += piece.len() as u64;
            place.in_long_line = line.is_none();
        }
        Read { lines, place }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tail(path: &Path, longest: u64) -> Tail<'_> {
        Tail { path, longest, end: u64::MAX }
    }

    /// Everything from `place` on.
    fn drain(tail: Tail, place: &mut Place) -> Vec<Line> {
        let mut lines = Vec::new();
        loop {
            let read = tail.read(*place).unwrap();
            lines.extend(read.lines);
            if read.place == *place {
                return lines;
            }
            *place = read.place;
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.to_owned())
    }

    #[test]
    fn a_torn_line_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut place = Place::default();
        assert_eq!(drain(tail(&path, 9), &mut place), []);
        std::fs::write(&path, "one\ntw").unwrap();
        assert_eq!(drain(tail(&path, 9), &mut place), [whole("one")]);
        assert_eq!(place, Place { offset: 4, lines: 1, in_long_line: false });
        assert_eq!(drain(tail(&path, 9), &mut place), []);
    }

    #[test]
    fn a_line_longer_than_a_chunk_is_read_whole_where_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let long = "x".repeat(2 * CHUNK as usize + 5);
        std::fs::write(&path, format!("{long}\nshort\n")).unwrap();
        let lines = drain(tail(&path, u64::MAX), &mut Place::default());
        assert_eq!(lines, [whole(&long), whole("short")]);
    }

    #[test]
    fn a_line_without_an_end_is_read_once_and_never_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut place = Place::default();
        std::fs::write(&path, "before\n").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        for megabytes in 1..=20 {
            // A hole: nothing is written, and it reads as zeros.
            file.set_len(megabytes << 20).unwrap();
            let lines = drain(tail(&path, 1 << 20), &mut place);
            match megabytes {
                1 => assert_eq!(lines, [whole("before")]),
                2 => assert_eq!(lines, [Line::TooLong]),
                _ => assert_eq!(lines, []),
            }
            assert_eq!(place.in_long_line, megabytes > 1);
            assert!(megabytes == 1 || place.offset == megabytes << 20, "it would be read again");
        }
        std::io::Write::write_all(&mut &file, b"\nafter\n").unwrap();
        assert_eq!(drain(tail(&path, 1 << 20), &mut place), [whole("after")]);
        assert_eq!(place.lines, 3);
    }

    proptest! {
        #[test]
        fn any_cuts_of_any_file_give_the_same_lines(
            pieces in prop::collection::vec(prop::collection::vec(0u8..4, 0..12), 0..12),
            longest in 0u64..8,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("events.jsonl");
            // Lines of all lengths about the limit.
            let pieces: Vec<Vec<u8>> = pieces
                .into_iter()
                .map(|piece| piece.into_iter().map(|b| b"\nx\xff\0"[b as usize]).collect())
                .collect();
            let (mut content, mut place, mut grown) = (Vec::new(), Place::default(), Vec::new());
            for piece in &pieces {
                content.extend_from_slice(piece);
                std::fs::write(&path, &content).unwrap();
                grown.extend(drain(tail(&path, longest), &mut place));
            }
            let mut at_once = Place::default();
            prop_assert_eq!(&drain(tail(&path, longest), &mut at_once), &grown);
            prop_assert_eq!(at_once, place);
            // By another way to split.
            let text = String::from_utf8_lossy(&content).into_owned();
            let lines = content.split(|b| *b == b'\n').count() - 1;
            let torn = content.rsplit(|b| *b == b'\n').next().unwrap();
            prop_assert_eq!(grown.len(), lines + usize::from(torn.len() as u64 > longest));
            for (line, expected) in grown.iter().zip(text.split('\n')) {
                if let Line::Whole(line) = line {
                    prop_assert_eq!(line, expected);
                }
            }
        }
    }
}
