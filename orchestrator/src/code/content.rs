//! The content of a file.

use std::fs::File;
use std::io;
use std::path::Path;

use super::error::CodeError;
use crate::platform::hash::sha256_of;

/// SHA-256 of a file; `None` if it has been removed meanwhile or is no regular file.
pub(super) fn hash(path: &Path) -> Result<Option<String>, CodeError> {
    let failed = |source| CodeError::Read { path: path.to_owned(), source };
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let (_, sha256) = File::open(path).and_then(sha256_of).map_err(failed)?;
    Ok(Some(sha256))
}
