//! Finds the processes that hold slots: those that have a slot's lock file open.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The processes that hold slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holders {
    /// The number of slots of each attempt with a running holder, by the attempt's folder.
    pub(super) attempts: BTreeMap<PathBuf, usize>,
    /// Names of processes whose holder was killed, by their ids.
    pub(super) orphans: BTreeMap<u32, String>,
}

/// The processes with lock files of `folder`, as far as this user may see their open files.
pub(super) fn holders(folder: &Path) -> Holders {
    let mut holders = Holders::default();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let slots = slots_of(pid, folder);
        if slots == 0 {
            continue;
        }
        if let Some(attempt) = ancestry(pid).find_map(|pid| attempt_held_by(&command_line(pid))) {
            // Holder and worker share their slots.
            let most = holders.attempts.entry(attempt).or_default();
            *most = (*most).max(slots);
        } else {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            holders.orphans.insert(pid, name.trim().to_owned());
        }
    }
    holders
}

/// The number of slots whose lock file a process has open.
fn slots_of(pid: u32, folder: &Path) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let paths = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    paths.filter(|path| path.parent() == Some(folder) && is_lock_of_slot(path)).count()
}

/// False for the other files in the folder of slots.
fn is_lock_of_slot(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name != "turn" && !name.contains(".record.")
}

/// The process, its parent, the parent of that, and so on.
fn ancestry(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid), |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // "pid (name) state parent …", where the name may contain anything.
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
    })
}

fn command_line(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect()
}

/// The folder of `orch hold FOLDER`; `None` for any other command.
fn attempt_held_by(command: &[String]) -> Option<PathBuf> {
    match command {
        [program, verb, folder, ..] if program.ends_with("orch") && verb == "hold" => {
            Some(folder.into())
        }
        _ => None,
    }
}
