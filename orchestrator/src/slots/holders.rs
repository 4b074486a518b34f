//! Finds the processes that hold slots: those that have a slot's lock file open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The processes that hold slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// The slots of each attempt with a running holder, by the attempt's folder: names of lock files.
    pub(crate) attempts: BTreeMap<PathBuf, BTreeSet<String>>,
    /// Names of processes whose holder was killed, by their ids.
    pub(crate) orphans: BTreeMap<u32, String>,
}

/// The processes with lock files of `folder`, as far as this user may see their open files.
pub(crate) fn holders(folder: &Path) -> Holders {
    let mut holders = Holders::default();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let slots = slots_of(pid, folder);
        if slots.is_empty() {
            continue;
        }
        if let Some(attempt) = ancestry(pid).find_map(attempt_held_by) {
            // Holder and worker share their slots.
            holders.attempts.entry(attempt).or_default().extend(slots);
        } else {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            holders.orphans.insert(pid, name.trim().to_owned());
        }
    }
    holders
}

/// The slots whose lock file a process has open.
fn slots_of(pid: u32, folder: &Path) -> BTreeSet<String> {
    let in_folder = open_files(pid).filter(|path| path.parent() == Some(folder));
    let names = in_folder.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    names.filter(|name| is_lock_of_slot(name)).collect()
}

/// False for the other files in the folder of slots.
fn is_lock_of_slot(name: &str) -> bool {
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

/// The attempt that a process owns: whose owner file it has open, by the name that the file had before it
/// was linked into place.
fn attempt_held_by(pid: u32) -> Option<PathBuf> {
    open_files(pid).find_map(|path| {
        let name = path.file_name()?.to_str()?;
        let is_owner = name.starts_with(".owner.") || name == "owner";
        is_owner.then(|| path.parent().map(Path::to_owned)).flatten()
    })
}

/// The paths of the files that a process has open, as far as this user may see them.
fn open_files(pid: u32) -> impl Iterator<Item = PathBuf> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok())
}
