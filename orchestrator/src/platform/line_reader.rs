//! Reads whole lines from a file that grows, in bounded memory whatever it holds.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

use experiments::regular_file;
use rustix::io::Errno;

/// Bytes that are read at a time.
const CHUNK: u64 = 4 << 20;

/// A reader's position in a file: all that it has to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReadOffset {
    /// Position in bytes.
    pub(crate) bytes: u64,
    /// Lines that began before that position.
    pub(crate) lines: u64,
    /// True if the position lies within a line that is too long to be read.
    pub(crate) in_long_line: bool,
}

/// The result of one read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// The part of the file that was read.
    bytes: Vec<u8>,
    /// The new lines in `bytes`, without their line feeds; `None` for one that is too long.
    ranges: Vec<Option<Range<usize>>>,
    /// The position to continue from.
    pub(crate) offset: ReadOffset,
}

impl Read {
    /// The new lines; the last one is number `offset.lines`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        // All at once takes a tenth of the time of line by line.
        let end = self.ranges.iter().rev().flatten().next().map_or(0, |last| last.end);
        let text = str::from_utf8(&self.bytes[..end]).ok();
        self.ranges.iter().map(move |range| match (range, text) {
            (Some(range), Some(text)) => Line::Whole(Cow::Borrowed(&text[range.clone()])),
            (Some(range), None) => Line::Whole(String::from_utf8_lossy(&self.bytes[range.clone()])),
            (None, _) => Line::TooLong,
        })
    }
}

/// A line without its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Its text, in which bytes that are not UTF-8 are replaced.
    Whole(Cow<'a, str>),
    /// Longer than [`Tail::longest`].
    TooLong,
}

/// A file that is read as it grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail<'a> {
    /// The file; a missing one has no lines.
    pub(crate) path: &'a Path,
    /// Lines of more bytes than this are skipped, without ever being held in memory.
    pub(crate) longest: u64,
    /// Bytes from this position on are not read.
    pub(crate) end: u64,
}

/// The file's length in bytes now; 0 if it is missing.
pub(crate) fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

impl Tail<'_> {
    /// The whole lines from `from` on, at most a few megabytes of them. A torn last line is left for
    /// later. Call again until the offset stays the same.
    pub(crate) fn read(&self, from: ReadOffset) -> io::Result<Read> {
        let mut file = match regular_file::open(self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Read { offset: from, ..Read::default() });
            }
            Err(e) => return Err(e),
        };
        let from = if from.in_long_line { self.skip_hole(&file, from)? } else { from };
        file.seek(SeekFrom::Start(from.bytes))?;
        let mut unread = file.take(self.end.saturating_sub(from.bytes).min(CHUNK));
        let mut bytes = Vec::new();
        unread.read_to_end(&mut bytes)?;
        // A line longer than a chunk is read to its end, if it may be so long.
        while unread.limit() == 0 && !bytes.contains(&b'\n') && bytes.len() as u64 <= self.longest {
            let left = self.end.saturating_sub(from.bytes + bytes.len() as u64);
            unread.set_limit(left.min(bytes.len() as u64));
            if unread.read_to_end(&mut bytes)? == 0 {
                break;
            }
        }
        Ok(self.split(bytes, from))
    }

    /// The next position after `from` with something that was written: in what was not, a hole of a sparse
    /// file, no line ends, and it could take days to read.
    fn skip_hole(&self, file: &File, from: ReadOffset) -> io::Result<ReadOffset> {
        let written = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(from.bytes)) {
            Ok(position) => position,
            // There is nothing up to the end of the file.
            Err(Errno::NXIO) => file.metadata()?.len(),
            // The file system does not tell.
            Err(_) => from.bytes,
        };
        Ok(ReadOffset { bytes: written.min(self.end).max(from.bytes), ..from })
    }

    /// The lines in `bytes`, which were read at `from`.
    fn split(&self, bytes: Vec<u8>, from: ReadOffset) -> Read {
        let (mut ranges, mut offset, mut start) = (Vec::new(), from, 0);
        let is_too_long = |line: &Range<usize>| line.len() as u64 > self.longest;
        for end in memchr::memchr_iter(b'\n', &bytes) {
            if !offset.in_long_line {
                ranges.push(Some(start..end).filter(|line| !is_too_long(line)));
            }
            offset.in_long_line = false;
            start = end + 1;
        }
        if is_too_long(&(start..bytes.len())) && !offset.in_long_line {
            ranges.push(None);
            offset.in_long_line = true;
        }
        let read = if offset.in_long_line { bytes.len() } else { start };
        offset.lines += ranges.len() as u64;
        offset.bytes += read as u64;
        Read { bytes, ranges, offset }
    }
}

/// Ends the last line of a file, whose writer has ended, with a line feed, if it lacks one.
pub(crate) fn end_last_line(path: &Path) -> io::Result<()> {
    let mut file = match regular_file::open_with(File::options().read(true).append(true), path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tail(path: &Path, longest: u64) -> Tail<'_> {
        Tail { path, longest, end: u64::MAX }
    }

    fn owned(line: Line) -> Line<'static> {
        match line {
            Line::Whole(text) => Line::Whole(Cow::Owned(text.into_owned())),
            Line::TooLong => Line::TooLong,
        }
    }

    /// Everything from `offset` on.
    fn drain(tail: Tail, offset: &mut ReadOffset) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        loop {
            let read = tail.read(*offset).unwrap();
            lines.extend(read.lines().map(owned));
            if read.offset == *offset {
                return lines;
            }
            *offset = read.offset;
        }
    }

    fn whole(text: &str) -> Line<'static> {
        Line::Whole(Cow::Owned(text.to_owned()))
    }

    #[test]
    fn a_torn_line_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut offset = ReadOffset::default();
        assert_eq!(drain(tail(&path, 9), &mut offset), []);
        std::fs::write(&path, "one\ntw").unwrap();
        assert_eq!(drain(tail(&path, 9), &mut offset), [whole("one")]);
        assert_eq!(offset, ReadOffset { bytes: 4, lines: 1, in_long_line: false });
        assert_eq!(drain(tail(&path, 9), &mut offset), []);
    }

    #[test]
    fn a_line_longer_than_a_chunk_is_read_whole_below_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let long = "x".repeat(2 * CHUNK as usize + 5);
        std::fs::write(&path, format!("{long}\nshort\n")).unwrap();
        let lines = drain(tail(&path, u64::MAX), &mut ReadOffset::default());
        assert_eq!(lines, [whole(&long), whole("short")]);
    }

    #[test]
    fn a_line_without_an_end_is_read_once_and_never_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut offset = ReadOffset::default();
        std::fs::write(&path, "before\n").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        for megabytes in 1..=20 {
            // A hole: nothing is written, and it reads as zeros.
            file.set_len(megabytes << 20).unwrap();
            let lines = drain(tail(&path, 1 << 20), &mut offset);
            match megabytes {
                1 => assert_eq!(lines, [whole("before")]),
                2 => assert_eq!(lines, [Line::TooLong]),
                _ => assert_eq!(lines, []),
            }
            assert_eq!(offset.in_long_line, megabytes > 1);
            assert!(megabytes == 1 || offset.bytes == megabytes << 20, "it would be read again");
        }
        std::io::Write::write_all(&mut &file, b"\nafter\n").unwrap();
        assert_eq!(drain(tail(&path, 1 << 20), &mut offset), [whole("after")]);
        assert_eq!(offset.lines, 3);
    }

    #[test]
    fn a_hole_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut file = File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"\nafter\n").unwrap();
        let (mut offset, mut lines) = (ReadOffset::default(), Vec::new());
        // The beginning, the rest with the hole left out, and nothing more.
        for _ in 0..3 {
            let read = tail(&path, 1 << 20).read(offset).unwrap();
            lines.extend(read.lines().map(owned));
            offset = read.offset;
        }
        assert_eq!(lines, [Line::TooLong, whole("after")]);
        assert_eq!((offset.bytes, offset.lines), ((1 << 40) + 7, 2));
    }

    proptest! {
        #[test]
        fn any_way_to_grow_any_file_gives_the_same_lines(
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
            let (mut content, mut offset, mut grown) = (Vec::new(), ReadOffset::default(), Vec::new());
            for piece in &pieces {
                content.extend_from_slice(piece);
                std::fs::write(&path, &content).unwrap();
                grown.extend(drain(tail(&path, longest), &mut offset));
            }
            let mut at_once = ReadOffset::default();
            prop_assert_eq!(&drain(tail(&path, longest), &mut at_once), &grown);
            prop_assert_eq!(at_once, offset);
            // Against a plain split.
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
