//! Seals: length and SHA-256 of files that are complete, so that readers notice when one is damaged.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use experiments::regular_file;
use serde::{Deserialize, Serialize};

use crate::platform::hash;

/// The seal of each file, by its path.
pub type Seals = BTreeMap<String, FileSeal>;

/// The content of a file that does not change any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeal {
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of it, in hexadecimal.
    pub(crate) sha256: String,
}

/// The difference of a file from its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SealBreak {
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It has another length.
    Length {
        /// Bytes when it was sealed.
        then: u64,
        /// Bytes now.
        now: u64,
    },
    /// It has the same length and another content.
    Content,
}

impl FileSeal {
    /// The seal of a file with this content.
    pub(crate) fn of_content(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, sha256: hash::sha256(content) }
    }

    /// The seal of the file at `path` as it is now; `None` if there is none.
    pub(crate) fn of(path: &Path) -> io::Result<Option<Self>> {
        match regular_file::open(path).and_then(hash::sha256_of) {
            Ok((bytes, sha256)) => Ok(Some(Self { bytes, sha256 })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The difference of the file at `path` from this seal; `None` if there is none, or if this user may
    /// not read the file.
    pub(crate) fn check(&self, path: &Path) -> Option<SealBreak> {
        let is_forbidden = |e: &io::Error| e.kind() == io::ErrorKind::PermissionDenied;
        match path.metadata() {
            Err(e) if is_forbidden(&e) => return None,
            Err(e) => return Some(SealBreak::Unreadable(e.to_string())),
            Ok(file) if file.len() != self.bytes => {
                return Some(SealBreak::Length { then: self.bytes, now: file.len() });
            }
            Ok(_) => {}
        }
        match Self::of(path) {
            Ok(Some(now)) => (now != *self).then_some(SealBreak::Content),
            Ok(None) => Some(SealBreak::Unreadable("it is missing".to_owned())),
            Err(e) if is_forbidden(&e) => None,
            Err(e) => Some(SealBreak::Unreadable(e.to_string())),
        }
    }
}

/// `has 10 bytes, and had 200 when it was sealed`.
impl fmt::Display for SealBreak {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Self::Length { then, now } => {
                write!(f, "has {now} bytes, and had {then} when it was complete")
            }
            Self::Content => f.write_str("has another content than when it was complete"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_broken_by_any_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        assert_eq!(FileSeal::of(&path).unwrap(), None);
        std::fs::write(&path, "abc").unwrap();
        let seal = FileSeal::of(&path).unwrap().unwrap();
        // `printf abc | sha256sum`.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(seal, FileSeal { bytes: 3, sha256: known.to_owned() });
        assert_eq!(seal.check(&path), None);
        std::fs::write(&path, "abx").unwrap();
        assert_eq!(seal.check(&path), Some(SealBreak::Content));
        std::fs::write(&path, "ab").unwrap();
        assert_eq!(seal.check(&path), Some(SealBreak::Length { then: 3, now: 2 }));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(seal.check(&path), Some(SealBreak::Unreadable(_))));
    }
}
