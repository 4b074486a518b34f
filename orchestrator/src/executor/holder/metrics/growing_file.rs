//! A text file of another program that is read as it grows, in bounded memory. It need not exist yet,
//! and it may be written anew at any time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use experiments::protocol::events::LONGEST_LINE;
use experiments::regular_file;

/// Bytes that are read at a time; more than the longest line.
const CHUNK: usize = 4 << 20;

/// Bytes before the position that are compared to notice that the file was written anew.
const COMPARED: usize = 1 << 10;

/// A file, and the position up to which it was read.
pub(super) struct GrowingFile {
    path: PathBuf,
    /// Position in bytes.
    offset: u64,
    /// The bytes just before it.
    before: Vec<u8>,
    /// True if the position lies within a line that is too long to be read.
    in_long_line: bool,
}

/// The result of one read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The new lines, without their ends: a line feed or, as of a progress bar, a carriage return.
    pub(super) lines: Vec<String>,
    /// Number of lines that were too long.
    pub(super) too_long: u64,
    /// True if the first of them is the file's first: it is new, or was written anew.
    pub(super) from_start: bool,
    /// True if there may be more.
    pub(super) more: bool,
}

impl GrowingFile {
    /// A file from its start on.
    pub(super) fn from_start(path: PathBuf) -> Self {
        Self { path, offset: 0, before: Vec::new(), in_long_line: false }
    }

    /// A file from its present end on, or from its start if it does not exist yet.
    pub(super) fn from_end(path: PathBuf) -> Self {
        let mut file = Self::from_start(path);
        if let Ok(existing) = regular_file::open(&file.path)
            && let Ok(metadata) = existing.metadata()
        {
            file.offset = metadata.len();
            file.before = last_bytes(&existing, file.offset).unwrap_or_default();
        }
        file
    }

    /// The first line, whatever the position; `None` before it is complete.
    pub(super) fn first_line(&self) -> io::Result<Option<String>> {
        let Some(file) = self.open()? else { return Ok(None) };
        let bytes = read_at(&file, 0, LONGEST_LINE as usize)?;
        let end = bytes.iter().position(|byte| is_end(*byte));
        Ok(end.map(|end| String::from_utf8_lossy(&bytes[..end]).into_owned()))
    }

    /// The next lines. The last one, if its end has not been written yet, only if this `is_last`.
    pub(super) fn read(&mut self, is_last: bool) -> io::Result<Chunk> {
        let mut chunk = Chunk::default();
        let Some(file) = self.open()? else { return Ok(chunk) };
        if last_bytes(&file, self.offset)? != self.before {
            (self.offset, self.in_long_line) = (0, false);
        }
        chunk.from_start = self.offset == 0;
        let bytes = read_at(&file, self.offset, CHUNK)?;
        chunk.more = bytes.len() == CHUNK;
        let used = self.split(&bytes, is_last && !chunk.more, &mut chunk);
        self.offset += used as u64;
        self.before = last_bytes(&file, self.offset)?;
        Ok(chunk)
    }

    fn open(&self) -> io::Result<Option<File>> {
        match regular_file::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Takes the lines of `bytes`; returns the number of bytes that need not be read again.
    fn split(&mut self, bytes: &[u8], is_last: bool, chunk: &mut Chunk) -> usize {
        let mut used = 0;
        for piece in bytes.split_inclusive(|byte| is_end(*byte)) {
            let is_whole = piece.last().is_some_and(|byte| is_end(*byte));
            let line = &piece[..piece.len() - usize::from(is_whole)];
            let is_too_long = line.len() as u64 > LONGEST_LINE;
            if self.in_long_line {
                self.in_long_line = !is_whole;
            } else if is_too_long {
                chunk.too_long += 1;
                self.in_long_line = !is_whole;
            } else if is_whole || is_last {
                chunk.lines.push(String::from_utf8_lossy(line).into_owned());
            } else {
                break;
            }
            used += piece.len();
        }
        used
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The bytes just before `offset`; fewer if the file is shorter.
fn last_bytes(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let start = offset.saturating_sub(COMPARED as u64);
    read_at(file, start, (offset - start) as usize)
}

/// The bytes at `offset`, at most `length` of them.
fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let left = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; left.min(length as u64) as usize];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], offset + read as u64) {
            // It has become shorter meanwhile.
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn drain(file: &mut GrowingFile, is_last: bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let chunk = file.read(is_last).unwrap();
            lines.extend(chunk.lines);
            if !chunk.more {
                return lines;
            }
        }
    }

    #[test]
    fn only_what_comes_later_is_read_and_a_torn_line_at_the_end_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "old\n").unwrap();
        let mut file = GrowingFile::from_end(path.clone());
        fs::write(&path, "old\nnew\r\n 1%\r 2%").unwrap();
        assert_eq!(drain(&mut file, false), ["new", "", " 1%"]);
        assert_eq!(drain(&mut file, true), [" 2%"]);
        assert_eq!(file.first_line().unwrap().as_deref(), Some("old"));
    }

    #[test]
    fn a_file_that_is_written_anew_is_read_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntwo\n").unwrap();
        let mut file = GrowingFile::from_end(path.clone());
        for content in ["three\n", "a longer first line\nand a second\n"] {
            fs::write(&path, content).unwrap();
            let chunk = file.read(false).unwrap();
            assert!(chunk.from_start);
            assert_eq!(chunk.lines.join("\n") + "\n", content);
        }
    }

    #[test]
    fn a_line_without_an_end_is_never_held_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = GrowingFile::from_end(path.clone());
        File::create(&path).unwrap().set_len(20 << 20).unwrap();
        let mut too_long = 0;
        loop {
            let chunk = file.read(false).unwrap();
            assert_eq!(chunk.lines, [""; 0]);
            too_long += chunk.too_long;
            if !chunk.more {
                break;
            }
        }
        assert_eq!((too_long, file.offset), (1, 20 << 20));
    }

    proptest! {
        #[test]
        fn however_a_file_grows_its_lines_are_the_same(
            pieces in prop::collection::vec("[ab\n\r]{0,6}", 0..10)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            let mut file = GrowingFile::from_end(path.clone());
            let (mut content, mut lines) = (String::new(), Vec::new());
            for piece in &pieces {
                content += piece;
                fs::write(&path, &content).unwrap();
                lines.extend(drain(&mut file, false));
            }
            lines.extend(drain(&mut file, true));
            let mut expected: Vec<_> = content.split(['\n', '\r']).collect();
            expected.pop_if(|last| last.is_empty());
            prop_assert_eq!(lines, expected);
        }
    }
}
