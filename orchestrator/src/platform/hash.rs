//! SHA-256, in hexadecimal.

use std::io::{self, BufRead, BufReader, Read, Write};

use sha2::{Digest, Sha256};

/// SHA-256 of bytes in memory, in hexadecimal.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// The beginning of a hash, for people; all of a text that is shorter or no hash.
pub(crate) fn short(hash: &str, digits: usize) -> &str {
    hash.get(..digits).unwrap_or(hash)
}

/// Reads to the end: the number of bytes, and their SHA-256 in hexadecimal.
pub(crate) fn sha256_of(from: impl Read) -> io::Result<(u64, String)> {
    copy(from, io::sink())
}

/// Copies to the end: the number of bytes, and their SHA-256 in hexadecimal.
pub(crate) fn copy(from: impl Read, mut to: impl Write) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    // A bundle's bytes depend on this buffer's length: what is compressed is cut into pieces of it.
    let mut from = BufReader::with_capacity(1 << 16, from);
    let mut length = 0;
    loop {
        let piece = match from.fill_buf() {
            Ok([]) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        hasher.update(piece);
        to.write_all(piece)?;
        let read = piece.len();
        from.consume(read);
        length += read as u64;
    }
    Ok((length, base16ct::lower::encode_string(&hasher.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_any_text_is_text() {
        assert_eq!(short("0123456789", 7), "0123456");
        // A worker may report anything as its commit.
        for odd in ["", "012", "äöüäöü"] {
            assert_eq!(short(odd, 7), odd);
        }
    }
}
