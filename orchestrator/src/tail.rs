//! Reads whole lines from a file that grows, from a byte offset on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// How much is read at a time, so that memory stays bounded whatever the file's size.
const CHUNK: u64 = 4 << 20;

/// Whole lines and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// The lines without their line feeds; bytes that are not UTF-8 are replaced.
    pub lines: Vec<String>,
    /// Offset behind the last of them.
    pub offset: u64,
}

/// The whole lines of `path` from `offset` on, at most a few megabytes of them. A torn last line
/// is left for later; a missing file has no lines. Call again until `lines` is empty.
pub fn read(path: &Path, offset: u64) -> io::Result<Lines> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Ok(Lines { lines: Vec::new(), offset });
        }
        Err(e) => return Err(e),
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut limit = CHUNK;
    let mut bytes = Vec::new();
    // A single line longer than a chunk is read in ever larger pieces until its end is found.
    while file.by_ref().take(limit).read_to_end(&mut bytes)? as u64 == limit
        && !bytes.contains(&b'\n')
    {
        limit *= 2;
    }
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let lines = text.lines().map(str::to_owned).collect();
    Ok(Lines { lines, offset: offset + whole as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        assert_eq!(read(&path, 0).unwrap(), Lines { lines: vec![], offset: 0 });
        std::fs::write(&path, "one\ntw").unwrap();
        assert_eq!(read(&path, 0).unwrap(), Lines { lines: vec!["one".into()], offset: 4 });
        assert_eq!(read(&path, 4).unwrap(), Lines { lines: vec![], offset: 4 });
    }

    #[test]
    fn any_cut_of_the_file_gives_the_same_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let content = "first\n\nthird line\nü\n";
        for cut in 0..=content.len() {
            std::fs::write(&path, &content.as_bytes()[..cut]).unwrap();
            let before = read(&path, 0).unwrap();
            std::fs::write(&path, content).unwrap();
            let after = read(&path, before.offset).unwrap();
            let all: Vec<_> = before.lines.into_iter().chain(after.lines).collect();
            assert_eq!(all, ["first", "", "third line", "ü"], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_longer_than_a_chunk_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let long = "x".repeat(2 * CHUNK as usize + 5);
        std::fs::write(&path, format!("{long}\nshort\n")).unwrap();
        let lines = read(&path, 0).unwrap().lines;
        assert_eq!(lines[0].len(), long.len());
    }
}
