//! A SHA-256 inside the safetensors file that it covers: an entry of the header's metadata, the
//! digest of the whole file with zeros for the entry's own digits.

use std::io;

use fs_err as fs;
use fs_err::os::unix::fs::FileExt;
use sha2::{Digest, Sha256};

use crate::sha256::hex;

/// Key of the entry in the metadata.
const KEY: &str = "sha256";
/// Begins the entry in the header. It cannot occur within a text of the header, where quotation marks
/// are escaped.
const START: &[u8] = br#""sha256":""#;
const DIGITS: usize = 64;
const BLOCK_BYTES: usize = 1 << 20;

/// The metadata's entry of a file that is not written yet.
pub(crate) fn entry() -> (String, String) {
    (KEY.to_owned(), "0".repeat(DIGITS))
}

/// Fills the entry in, of a file with these contents.
pub(crate) fn fill(file: &mut [u8]) {
    let digits = position(file).expect("the header has the entry");
    let digest = hex(Sha256::new_with_prefix(&file));
    file[digits..digits + DIGITS].copy_from_slice(digest.as_bytes());
}

/// True if `file`, whose tensors begin at the offset `start`, is what was written; false also without an
/// entry.
pub(crate) fn is_intact(file: &fs::File, start: u64) -> io::Result<bool> {
    let mut header = vec![0; start as usize];
    file.read_exact_at(&mut header, 0)?;
    let Some(digits) = position(&header) else { return Ok(false) };
    let digits = &mut header[digits..digits + DIGITS];
    let expected = digits.to_vec();
    digits.fill(b'0');
    let mut hash = Sha256::new_with_prefix(&header);
    let (mut block, mut offset) = (vec![0; BLOCK_BYTES], start);
    loop {
        match file.read_at(&mut block, offset)? {
            0 => return Ok(hex(hash).as_bytes() == expected),
            length => {
                hash.update(&block[..length]);
                offset += length as u64;
            }
        }
    }
}

/// The offset of the entry's digits.
fn position(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(START.len()).position(|window| window == START)? + START.len();
    (bytes.len() >= start + DIGITS).then_some(start)
}
