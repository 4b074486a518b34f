//! What there is in a trial's folder, and its removal. Links are never followed.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::store::Unneeded;

/// What a file's name ends with as long as its worker still writes it.
const PARTIAL: &str = ".partial";

/// Whether a folder of this name holds checkpoints, of now or of before the trial began anew.
pub(super) fn is_folder_of_checkpoints(name: &str) -> bool {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    name == "checkpoints" || name.strip_prefix("checkpoints-").is_some_and(number)
}

/// Whether something is at `path` and lies below `above`, both relative to `folder`, with nothing but
/// folders on the way to it.
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
pub(super) fn left_folders(folder: &Path, current: &Path) -> Vec<PathBuf> {
    let left = |name: &str| is_folder_of_checkpoints(name) && Path::new(name) != current;
    let left = names(folder).into_iter().filter(|name| left(name));
    left.filter(|name| is_folder(&folder.join(name))).map(PathBuf::from).collect()
}

/// Files in the folder of checkpoints that were never finished.
pub(super) fn half_written(folder: &Path, current: &Path) -> Vec<PathBuf> {
    let here = folder.join(current);
    if !is_folder(&here) {
        return Vec::new();
    }
    let is_file = |name: &String| here.join(name).symlink_metadata().is_ok_and(|m| m.is_file());
    let half = names(&here).into_iter().filter(|name| name.ends_with(PARTIAL) && is_file(name));
    half.map(|name| current.join(name)).collect()
}

/// The size of a file, or of all files in a folder; 0 of what cannot be seen.
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
    /// Whether it is still there.
    pub fn is_there(&self, trial: &Path) -> bool {
        trial.join(&self.path).symlink_metadata().is_ok()
    }

    /// Removes it from the trial's folder. To be called once that has been written down.
    pub fn remove(&self, trial: &Path) -> io::Result<()> {
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
        // The last is a link, which may go; what it leads to is not touched.
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
