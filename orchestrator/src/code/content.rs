//! The content of a file.

use std::io;
use std::path::Path;

use experiments::regular_file;

use super::error::CodeError;
use crate::platform::hash::sha256_of;

/// SHA-256 of a file; `None` if it has been removed meanwhile or is not a regular file.
pub(crate) fn hash(path: &Path) -> Result<Option<String>, CodeError> {
    let is_none = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::InvalidInput);
    match regular_file::open(path).and_then(sha256_of) {
        Ok((_, sha256)) => Ok(Some(sha256)),
        Err(error) if is_none(error.kind()) => Ok(None),
        Err(source) => Err(CodeError::Read { path: path.to_owned(), source }),
    }
}
