//! Which processes have slots: those that have a slot's lock file open, as the system tells.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who has slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holders {
    /// Attempts with a living holder, by their folders, and how many slots each has.
    pub(super) attempts: BTreeMap<PathBuf, usize>,
    /// Processes whose holder is gone, with their names: what a killed holder left.
    pub(super) orphans: BTreeMap<u32, String>,
}

/// Who has the slots with lock files in `folder`, as far as this user may know.
pub(super) fn holders(folder: &Path) -> Holders {
    let mut holders = Holders::default();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let slots = slots_of(pid, folder);
        if slots == 0 {
            continue;
        }
        if let Some(attempt) = ancestry(pid).find_map(|pid| attempt_held_by(&command_line(pid))) {
            // Holder and worker have the same slots.
            let most = holders.attempts.entry(attempt).or_default();
            *most = (*most).max(slots);
        } else {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            holders.orphans.insert(pid, name.trim().to_owned());
        }
    }
    holders
}

/// How many lock files of slots a process has open.
fn slots_of(pid: u32, folder: &Path) -> usize {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let paths = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let is_slot = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        path.parent() == Some(folder) && name != "turn" && !name.contains(".record.")
    };
    paths.filter(is_slot).count()
}

/// The process, its parent, and so on.
fn ancestry(pid: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(pid), |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // "pid (name) state parent …", where the name may hold anything.
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
    })
}

fn command_line(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).split('\0').map(str::to_owned).collect()
}

/// The attempt's folder of `orch hold FOLDER`.
fn attempt_held_by(command: &[String]) -> Option<PathBuf> {
    match command {
        [program, verb, folder, ..] if program.ends_with("orch") && verb == "hold" => {
            Some(folder.into())
        }
        _ => None,
    }
}
