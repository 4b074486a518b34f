//! `orch run -d`: the same command once more in the background, as a process in a session of its
//! own that neither a closed terminal nor Ctrl-C reaches.
//!
//! The command in the foreground returns once the one in the background supervises the run, or with
//! the error of that one.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use experiments::protocol::exit;
use serde_json::json;

use super::error::Result;
use super::output::{print_json, print_message};
use crate::cli::args::Global;
use crate::run_dir::RunDir;

/// The flag of the process in the background.
pub(super) const BACKGROUND: &str = "--background";

/// Written by the process in the background to its standard output once it supervises.
const READY: &str = "supervising\n";

/// Starts this process's command line in the background, and prints how to follow, await and stop
/// it. If that process ends before it supervises, its exit code is returned.
pub(super) fn start(dir: &RunDir, json: bool, global: &Global) -> Result<u8> {
    dir.create()?;
    let path = dir.supervisor_log();
    let mut log = File::options().create(true).append(true).read(true).open(&path)?;
    let before = log.seek(SeekFrom::End(0))?;
    let mut background = Command::new("/proc/self/exe")
        .arg(BACKGROUND)
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone()?)
        .spawn()?;
    let mut line = String::new();
    BufReader::new(background.stdout.take().expect("piped above")).read_line(&mut line)?;
    if line != READY {
        let status = background.wait()?;
        log.seek(SeekFrom::Start(before))?;
        io::copy(&mut log.take(1 << 20), &mut io::stderr())?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Ok(code.unwrap_or(exit::SOME_FAILED));
    }
    if json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "folder": dir.path(),
            "pid": background.id(),
            "log": path,
        }))?;
    } else if !global.quiet {
        print_message(&started_text(&dir.name(), background.id(), &path));
    }
    Ok(exit::OK)
}

fn started_text(run: &str, pid: u32, log: &Path) -> String {
    format!(
        "{run} is running in the background as process {pid}; log: {log}
  orch attach {run}      shows its progress
  orch wait {run}        waits until it ends
  orch stop --all {run}  saves checkpoints and stops it",
        log = log.display()
    )
}

/// Leaves the terminal that this process was started from.
pub(super) fn detach() -> io::Result<()> {
    Ok(rustix::process::setsid().map(drop)?)
}

/// Tells the process in the foreground that this one supervises the run.
pub(super) fn ready() {
    // The process in the foreground may have been killed.
    let mut stdout = io::stdout();
    drop(stdout.write_all(READY.as_bytes()).and_then(|()| stdout.flush()));
}
