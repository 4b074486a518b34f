//! `orch run -d`: the same command once more, as a process in a session of its own that neither a
//! closed terminal nor Ctrl-C reaches.
//!
//! The verb in front returns once the one behind supervises the run, or with what that one said.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use experiments::protocol::exit;
use serde_json::json;

use super::{print_json, say};
use crate::cli::args::Global;
use crate::run_dir::RunDir;

/// The flag of the process behind.
pub(super) const BEHIND: &str = "--behind";

/// What the process behind says on its standard output once it supervises.
const READY: &str = "supervising\n";

/// Starts the command line that this process was given in the background, and says how to follow,
/// wait and stop. The exit code is the other's where that one was refused.
pub(super) fn start(dir: &RunDir, json: bool, global: &Global) -> anyhow::Result<u8> {
    dir.create()?;
    let path = dir.supervisor_log();
    let mut log = File::options().create(true).append(true).read(true).open(&path)?;
    let before = log.seek(SeekFrom::End(0))?;
    let mut behind = Command::new("/proc/self/exe")
        .arg(BEHIND)
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone()?)
        .spawn()?;
    let mut said = String::new();
    BufReader::new(behind.stdout.take().expect("piped above")).read_line(&mut said)?;
    if said != READY {
        let status = behind.wait()?;
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
            "pid": behind.id(),
            "log": path,
        }))?;
    } else if !global.quiet {
        say(&told(&dir.name(), behind.id(), &path));
    }
    Ok(exit::OK)
}

fn told(run: &str, pid: u32, log: &Path) -> String {
    format!(
        "{run} goes on in the background, run by process {pid}; what it says: {log}
  orch attach {run}      shows how it goes
  orch wait {run}        waits for its end
  orch stop --all {run}  stops it, with checkpoints",
        log = log.display()
    )
}

/// Leaves the terminal of whoever started this process.
pub(super) fn detach() -> io::Result<()> {
    Ok(rustix::process::setsid().map(drop)?)
}

/// Tells whoever started this process that all went well so far.
pub(super) fn ready() {
    // Nobody may wait for it any more.
    let mut stdout = io::stdout();
    drop(stdout.write_all(READY.as_bytes()).and_then(|()| stdout.flush()));
}
