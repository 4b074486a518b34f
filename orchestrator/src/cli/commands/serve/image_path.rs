//! The paths of images among the artifacts of a trial.

use std::path::{Component, Path};

/// The extensions of files that may be images.
const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];

/// True if the file at `path` seems to be an image that is shown.
pub(super) fn is_image(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
}

/// The parts of a path without `.`, as an address has them.
pub(super) fn parts(path: &str) -> Vec<&str> {
    let parts = Path::new(path).components();
    parts
        .filter(|part| *part != Component::CurDir)
        .filter_map(|part| part.as_os_str().to_str())
        .collect()
}
