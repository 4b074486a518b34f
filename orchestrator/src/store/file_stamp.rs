//! The stamps of files as the database has them: those of files that were compared with their seals.

use std::fmt::Write as _;
use std::path::Path;

use crate::platform::file_stamp::FileStamp;

/// The stamp of the file at `path`; empty if there is none.
pub(super) fn of(path: &Path) -> String {
    let mut stamp = String::new();
    append(&mut stamp, path);
    stamp
}

/// Appends the stamp of the file at `path`.
fn append(stamps: &mut String, path: &Path) {
    if let Some(stamp) = FileStamp::of(path) {
        let _ = write!(stamps, "{stamp}");
    }
}

/// The stamps of files in `folder`, a line each.
pub(super) fn of_all<'a>(folder: &Path, names: impl IntoIterator<Item = &'a str>) -> String {
    let mut stamps = String::new();
    for name in names {
        let _ = writeln!(stamps, "{} {name}", of(&folder.join(name)));
    }
    stamps
}

/// True if every file that `stamps` names, in `folder`, still has its stamp.
pub(super) fn hold(folder: &Path, stamps: &str) -> bool {
    // Reused, since there may be tens of thousands of files.
    let mut now = String::new();
    stamps.lines().all(|line| {
        // Four parts and the name; of a missing file, the name alone.
        let name = if let Some(name) = line.strip_prefix(' ') {
            Some(name)
        } else {
            line.splitn(5, ' ').nth(4)
        };
        name.is_some_and(|name| {
            now.clear();
            append(&mut now, &folder.join(name));
            line.strip_prefix(&*now).and_then(|rest| rest.strip_prefix(' ')) == Some(name)
        })
    })
}
