//! The stamps of files as the database has them: those of files that were compared with their seals.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::fd::AsFd;
use std::path::Path;

use crate::platform::file_stamp::FileStamp;

/// The stamp of the file at `path`; empty if there is none.
pub(super) fn of(path: &Path) -> String {
    FileStamp::of(path).map_or_else(String::new, |stamp| stamp.to_string())
}

/// The stamps of files in `folder`: a hash of all of them, and the files' names, a line each.
pub(super) fn of_all<'a>(folder: &Path, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let folder = File::open(folder).ok();
    let hash = folder.map(|folder| format!("{:016x}", hash(folder, "", names.clone())));
    names.fold(hash.unwrap_or_default(), |stamps, name| stamps + "\n" + name)
}

/// True if every file that `stamps` names, by its path in `folder` after `prefix`, still has its stamp.
pub(super) fn hold(folder: impl AsFd, prefix: &str, stamps: &str) -> bool {
    let mut lines = stamps.lines();
    let known = lines.next().and_then(|hash| u64::from_str_radix(hash, 16).ok());
    known.is_some_and(|known| known == hash(folder, prefix, lines))
}

/// The hash of the stamps of files. Another version of the standard library may have another hash: then the
/// files are compared once more.
fn hash<'a>(folder: impl AsFd, prefix: &str, names: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Reused, since there may be tens of thousands of files.
    let mut path = prefix.to_owned();
    for name in names {
        path.truncate(prefix.len());
        path.push_str(name);
        FileStamp::within(&folder, &path).hash(&mut hasher);
    }
    hasher.finish()
}
