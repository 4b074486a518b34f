//! The files in a trial's folder, and their removal. Links are never followed.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::store::Unneeded;

/// The end of a file's name while its worker writes it.
const PARTIAL: &str = ".partial";

/// True for names of folders of checkpoints: the present one, and those from before a restart.
pub(super) fn is_folder_of_checkpoints(name: &str) -> bool {
    name == "checkpoints"
        || name
            .strip_prefix("checkpoints-")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// True if `path` exists and is below `above`, both relative to `folder`, with only folders on the way.
pub(super) fn is_below(folder: &Path, above: &Path, path: &Path) -> bool {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let mut ancestors = path.ancestors().skip(1).take_while(|above| *above != Path::new(""));
    plain
        && path.starts_with(above)
        && path != above
        && ancestors.all(|above| is_folder(&folder.join(above)))
        && folder.join(path).symlink_metadata().is_ok()
}

/// The folders of checkpoints in a trial's folder that are no longer in use.
pub(super) fn old_folders(folder: &Path, current: &Path) -> Vec<PathBuf> {
    names(folder)
        .into_iter()
        .filter(|name| is_folder_of_checkpoints(name) && Path::new(name) != current)
        .filter(|name| is_folder(&folder.join(name)))
        .map(PathBuf::from)
        .collect()
}

/// Files in the folder of checkpoints whose writer did not finish.
pub(super) fn unfinished(folder: &Path, current: &Path) -> Vec<PathBuf> {
    let here = folder.join(current);
    if !is_folder(&here) {
        return Vec::new();
    }
    names(&here)
        .into_iter()
        .filter(|name| name.ends_with(PARTIAL))
        .filter(|name| here.join(name).symlink_metadata().is_ok_and(|m| m.is_file()))
        .map(|name| current.join(name))
        .collect()
}

/// The bytes of a file, or of all files in a folder; 0 for those that cannot be read.
pub(super) fn size(path: &Path) -> u64 {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    }
}

/// Removes a file, a link or a folder with all that it holds.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if is_folder(path) { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// The names in a folder that are UTF-8, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

impl Unneeded {
    /// True while it exists.
    pub(crate) fn is_there(&self, trial: &Path) -> bool {
        trial.join(&self.path).symlink_metadata().is_ok()
    }

    /// Removes it from the trial's folder. Record the removal in the journal first.
    pub(crate) fn remove(&self, trial: &Path) -> io::Result<()> {
        remove(&trial.join(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("trial"), folder.path().join("outside"));
        fs::create_dir_all(inside.join("checkpoints/deep")).unwrap();
        fs::create_dir_all(inside.join("checkpoints-2")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        for file in [
            "trial/checkpoints/a",
            "trial/checkpoints/deep/b",
            "trial/checkpoints-2/c",
            "trial/log",
            "outside/d",
        ] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        symlink(&outside, inside.join("checkpoints/away")).unwrap();
        symlink(outside.join("d"), inside.join("checkpoints/link")).unwrap();
        let below = |path: &str| is_below(&inside, Path::new("checkpoints"), Path::new(path));
        // The last is a link, which may be removed; its target is not touched.
        for path in ["checkpoints/a", "checkpoints/deep/b", "checkpoints/deep", "checkpoints/link"]
        {
            assert!(below(path), "{path}");
        }
        for path in [
            "",
            ".",
            "log",
            "checkpoints",
            "checkpoints/",
            "checkpoints/none",
            "checkpoints/../log",
            "checkpoints/../../outside/d",
            "checkpoints/away/d",
            "checkpoints-2/c",
            "../outside/d",
            outside.join("d").to_str().unwrap(),
            "checkpoints/a\0",
        ] {
            assert!(!below(path), "{path:?}");
        }
        remove(&inside.join("checkpoints/away")).unwrap();
        remove(&inside.join("checkpoints")).unwrap();
        assert!(outside.join("d").exists());
    }

    #[test]
    fn folders_of_checkpoints_have_their_names() {
        let names =
            ["checkpoints", "checkpoints-12", "checkpoints-", "checkpoints-a", "artifacts-2"];
        assert_eq!(names.map(is_folder_of_checkpoints), [true, true, false, false, false]);
    }
}
