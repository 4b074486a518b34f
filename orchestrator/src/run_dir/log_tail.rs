//! The last lines that an attempt's worker printed, which people read first when it has failed.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use experiments::regular_file;

use crate::run_dir::attempt::AttemptDir;

/// Lines that are kept.
const LINES: usize = 20;

/// Characters of a line that are kept.
const WIDTH: usize = 500;

/// Bytes at the log's end that are read.
const BYTES: u64 = 64 << 10;

/// The last lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// The log's path.
    pub(crate) path: PathBuf,
    /// Never empty; without control sequences of a terminal.
    pub(crate) lines: Vec<String>,
}

impl LogEnd {
    /// The end of standard error, or of standard output if that is empty; `None` if the worker printed
    /// nothing.
    pub(crate) fn of(attempt: &AttemptDir) -> io::Result<Option<Self>> {
        for path in [attempt.stderr(), attempt.stdout()] {
            let lines = last_lines(&path, LINES)?;
            if !lines.is_empty() {
                return Ok(Some(Self { path, lines }));
            }
        }
        Ok(None)
    }
}

/// The ends of both logs, at most `lines` lines and [`BYTES`] of each, the one that was written last first;
/// without empty ones.
pub(crate) fn both(attempt: &AttemptDir, lines: usize) -> io::Result<Vec<LogEnd>> {
    let mut ends = Vec::new();
    for path in [attempt.stderr(), attempt.stdout()] {
        let lines = last_lines(&path, lines)?;
        if !lines.is_empty() {
            let written = path.metadata().and_then(|log| log.modified()).ok();
            ends.push((written, LogEnd { path, lines }));
        }
    }
    ends.sort_by_key(|(written, _)| Reverse(*written));
    Ok(ends.into_iter().map(|(_, end)| end).collect())
}

/// The last line that the worker printed and that is not blank; empty if there is none, or it cannot be
/// read.
pub(crate) fn last_line(attempt: &AttemptDir) -> String {
    let end = LogEnd::of(attempt).ok().flatten();
    end.and_then(|mut end| end.lines.pop()).unwrap_or_default()
}

/// True if one of `words` is at the end of the worker's standard error.
pub(crate) fn complains_of(attempt: &AttemptDir, words: &[&str]) -> bool {
    tail(&attempt.stderr()).is_ok_and(|text| words.iter().any(|word| text.contains(word)))
}

/// The last `count` lines of a log, fewer if they are long; none if there is no log.
pub(crate) fn last_lines(log: &Path, count: usize) -> io::Result<Vec<String>> {
    let text = tail(log)?;
    let lines: Vec<_> = text.trim_end().lines().map(as_seen).collect();
    Ok(lines[lines.len().saturating_sub(count)..].to_vec())
}

/// The offset at which the last `lines` lines of a log begin; 0 if it has no more.
pub(crate) fn start_of_last(log: &mut File, lines: u32) -> io::Result<u64> {
    let end = log.metadata()?.len();
    let (mut start, mut ends) = (end, 0);
    while start > 0 && lines > 0 {
        let block_end = start;
        start = block_end.saturating_sub(BYTES);
        log.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        log.take(block_end - start).read_to_end(&mut block)?;
        for at in memchr::memrchr_iter(b'\n', &block) {
            let after = start + at as u64 + 1;
            // The log's last line has its end, or is still being written.
            ends += u32::from(after < end);
            if ends == lines {
                return Ok(after);
            }
        }
    }
    Ok(start)
}

/// The end of a log; empty if there is none, as of a worker that could not be started.
fn tail(log: &Path) -> io::Result<String> {
    let mut file = match regular_file::open(log) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        opened => {
            opened.map_err(|e| io::Error::new(e.kind(), format!("`{}`: {e}", log.display())))?
        }
    };
    let start = file.metadata()?.len().saturating_sub(BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line as a terminal would have left it on the screen: a progress bar returns to the line's
/// start to redraw itself, and escape sequences show nothing.
fn as_seen(line: &str) -> String {
    let drawn_last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    strip_str(drawn_last).to_string().chars().take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(stderr: &str, stdout: &str) -> Option<LogEnd> {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::at(folder.path());
        std::fs::write(attempt.stderr(), stderr).unwrap();
        std::fs::write(attempt.stdout(), stdout).unwrap();
        LogEnd::of(&attempt).unwrap()
    }

    #[test]
    fn standard_error_comes_first_and_standard_output_if_that_is_empty() {
        assert_eq!(end("oh\n", "fine\n").unwrap().lines, ["oh"]);
        assert_eq!(end("\n", "fine\n").unwrap().lines, ["fine"]);
        assert_eq!(end("", ""), None);
    }

    #[test]
    fn the_last_lines_begin_after_the_end_of_the_line_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let long = "x".repeat(70_000);
        for text in [
            String::new(),
            "\n".to_owned(),
            "a\nb\nc\n".to_owned(),
            "a\n\nc".to_owned(),
            format!("a\n{long}\nb"),
            format!("{long}\n{long}\n"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let all: Vec<_> = text.split_inclusive('\n').collect();
            for lines in 0..5 {
                let last = all[all.len().saturating_sub(lines)..].concat();
                let start = start_of_last(&mut File::open(&path).unwrap(), lines as u32).unwrap();
                assert_eq!(&text[start as usize..], last, "{lines} lines of {} bytes", text.len());
            }
        }
    }

    #[test]
    fn a_long_log_is_cut_to_its_last_lines() {
        let log: Vec<_> = (0..100_000).map(|n| format!("line {n}")).collect();
        let lines = end(&log.join("\n"), "").unwrap().lines;
        assert_eq!((lines.len(), lines[0].as_str()), (20, "line 99980"));
        let one_line = "x".repeat(1 << 20);
        assert_eq!(end(&one_line, "").unwrap().lines[0].len(), WIDTH);
    }

    #[test]
    fn nothing_in_a_log_controls_the_terminal() {
        let log = "\u{1b}[31mred\u{1b}[0m\r\n 10%\r 20%\r\n\u{1b}]0;title\u{7}\u{1b}[2Jend\u{8}\n";
        assert_eq!(end(log, "").unwrap().lines, ["red", " 20%", "end"]);
    }
}
