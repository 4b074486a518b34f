//! SHA-256 in hexadecimal.

use sha2::{Digest, Sha256};

pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// The digest of everything that `hash` was updated with.
pub(crate) fn hex(hash: Sha256) -> String {
    base16ct::lower::encode_string(&hash.finalize())
}
