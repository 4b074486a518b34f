//! SHA-256, in hexadecimal.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// SHA-256 of bytes in memory, in hexadecimal.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Reads to the end: the number of bytes, and their SHA-256 in hexadecimal.
pub(crate) fn sha256_of(mut from: impl Read) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok((length, base16ct::lower::encode_string(&hasher.finalize())))
}
