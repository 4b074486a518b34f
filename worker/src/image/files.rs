//! Finding image files below a folder.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// In lower case.
const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The PNG and JPEG files at and below `folder`, by their paths inside it with `/` between the
/// parts on every system, sorted. Links are followed, so that a set may be put together from them.
pub(crate) fn find(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(last) = path.file_name() else { continue };
        let name = format!("{prefix}{}", last.to_string_lossy());
        if fs::metadata(&path)?.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else if is_image(&path) {
            files.push((name, path));
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
