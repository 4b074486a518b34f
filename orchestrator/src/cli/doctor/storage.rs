//! Checks of the folders of runs and slots: space, kind of file system, locks, clock, databases.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use experiments::schema::resources::Memory;
use tempfile::NamedTempFile;

use super::Finding;
use crate::platform::disk_space;
use crate::platform::error_chain::chain;
use crate::platform::filesystem::{self, Kind};
use crate::run_dir::RunDir;
use crate::slots::{Slots, holders};
use crate::store::Store;

/// The checkpoints of a small experiment take about this much.
const LITTLE_ROOM: Memory = Memory(10 << 30);

/// With less free space, attempts soon fail.
const NO_ROOM: Memory = Memory(1 << 30);

/// Each attempt makes about ten files.
const FEW_FILES: u64 = 10_000;

/// With a larger difference, times of files cannot be compared with this machine's.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Findings about the file system of the folder of runs, which may not exist yet.
pub(crate) fn storage(runs: &Path) -> Vec<Finding> {
    let folder = match nearest_folder(runs) {
        Ok(folder) => folder,
        Err(error) => {
            return vec![Finding::problem("runs", error.to_string(), "use another folder")];
        }
    };
    let path = folder.display();
    let mut findings = vec![kind(&folder)];
    findings.extend(room(&folder));
    let unwritable = |error: std::io::Error| {
        let found = format!("`{path}` cannot be written to: {error}");
        Finding::problem("locks", found, "make it writable, or set another folder by `--runs`")
    };
    findings.push(match filesystem::try_locks(&folder) {
        Ok(None) => Finding::ok("locks", format!("they work in `{path}`")),
        Ok(Some(wrong)) => {
            let advice = "put runs on a file system that keeps locks and links, by `--runs`";
            Finding::problem("locks", format!("{wrong} in `{path}`"), advice)
        }
        Err(error) => {
            findings.push(unwritable(error));
            return findings;
        }
    });
    findings.push(match filesystem::clock_difference(&folder) {
        Ok(off) if off > CLOCK_TOLERANCE => {
            let found = format!("that of `{path}` differs by {} s", off.as_secs());
            Finding::warning("clock", found, "synchronise both machines (NTP)")
        }
        Ok(_) => Finding::ok("clock", "the file system's agrees with this machine's"),
        Err(error) => unwritable(error),
    });
    findings
}

/// Findings about the folder of slots, and the processes that hold some.
pub(crate) fn state() -> Vec<Finding> {
    let slots = match Slots::of_this_machine() {
        Ok(slots) => slots,
        Err(error) => return vec![Finding::problem("slots", error.to_string(), "")],
    };
    let folder = std::path::absolute(slots.folder()).unwrap_or_else(|_| slots.folder().to_owned());
    // Slots are created on demand, so the folder may not exist yet.
    let writable = nearest_folder(&folder).and_then(NamedTempFile::new_in).map(drop);
    if let Err(error) = writable {
        let found = format!("`{}` cannot be written to: {error}", folder.display());
        let advice = "make it writable, or set `ORCH_STATE_DIR` to a folder of this machine";
        return vec![Finding::problem("slots", found, advice)];
    }
    let held = holders(&folder);
    let mut findings = Vec::new();
    for (attempt, slots) in &held.attempts {
        let found = format!("{} held by `{}`", slots.len(), attempt.display());
        findings.push(Finding::ok("slots", found));
    }
    for (pid, name) in &held.orphans {
        let found =
            format!("pid {pid} ({name}) holds some and does not belong to a running attempt");
        let advice = format!("if it is not starting one right now, end it: `kill {pid}`");
        findings.push(Finding::warning("slots", found, &advice));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("slots", format!("none is held in `{}`", folder.display())));
    }
    findings
}

/// Findings about the databases of all runs.
pub(crate) async fn records(runs: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut readable = 0;
    for run in RunDir::all(runs) {
        if !run.database().is_file() {
            continue;
        }
        let read = match Store::open_read_only(&run.database()).await {
            Ok(mut store) => store.trials().await.map(drop),
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => readable += 1,
            Err(error) => {
                let advice = "`orch status` upgrades one of an older `orch`; one of a newer `orch` \
                              needs that version; if it is corrupt, delete it, and it is rebuilt from \
                              the journal";
                findings.push(Finding::problem("records", chain(&error), advice));
            }
        }
    }
    if readable > 0 || findings.is_empty() {
        let runs = runs.display();
        let s = if readable == 1 { "" } else { "s" };
        findings
            .push(Finding::ok("records", format!("{readable} database{s} readable in `{runs}`")));
    }
    findings
}

fn kind(folder: &Path) -> Finding {
    let path = folder.display();
    match filesystem::kind(folder) {
        Ok(Kind::Local(kind)) => Finding::ok("file system", format!("{kind}, of `{path}`")),
        Ok(Kind::Memory(kind)) => Finding::warning(
            "file system",
            format!("{kind}: `{path}` is lost with the next boot"),
            "put runs on a disk, by `--runs`",
        ),
        Ok(Kind::Network(kind)) => Finding::warning(
            "file system",
            format!("{kind}: `{path}` is not on this machine"),
            "databases are kept in this user's state folder; unless several machines share the runs, put \
             them on a local disk, by `--runs`",
        ),
        Err(error) => Finding::warning("file system", error.to_string(), ""),
    }
}

fn room(folder: &Path) -> Vec<Finding> {
    let Some(free) = disk_space::free(folder) else { return Vec::new() };
    let Ok(stat) = rustix::fs::statvfs(folder) else { return Vec::new() };
    let found = format!("{free} free for `{}`", folder.display());
    let advice = "make room, or set another folder by `--runs`";
    let mut findings = vec![if free < NO_ROOM {
        Finding::problem("disk", found, advice)
    } else if free < LITTLE_ROOM {
        Finding::warning("disk", found, advice)
    } else {
        Finding::ok("disk", found)
    }];
    // File systems without a limit report that they have no files.
    if stat.f_files > 0 {
        let found = format!("{} more can be made", stat.f_favail);
        findings.push(match stat.f_favail {
            0 => Finding::problem("files", found, advice),
            few if few < FEW_FILES => Finding::warning("files", found, advice),
            _ => Finding::ok("files", found),
        });
    }
    findings
}

/// The folder itself, or its nearest ancestor that exists.
fn nearest_folder(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let existing = path.ancestors().find(|folder| fs::metadata(folder).is_ok());
    Ok(existing.unwrap_or(Path::new("/")).to_owned())
}
