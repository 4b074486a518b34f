//! The commit that this program was built from.
//!
//! A crate of its own, so that a new commit compiles this file and nothing that takes long.

use std::hint;

/// Padded with spaces to one width, in order that programs of the same code differ in these bytes alone.
static COMMIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/commit"));

/// Twelve digits of the commit's hash, with `-dirty` after them if tracked files had changes; empty if
/// the program was not built in a repository.
pub fn commit() -> &'static str {
    // Kept from the optimiser, which would spread it over the code of other crates.
    str::from_utf8(hint::black_box(COMMIT)).unwrap_or_default().trim_end()
}

/// Overwrites the commit wherever it stands in `program`, the contents of this program's file.
pub fn erase(program: &mut [u8]) {
    let commit = hint::black_box(COMMIT);
    let mut start = 0;
    while let Some(at) = program[start..].windows(commit.len()).position(|bytes| bytes == commit) {
        let end = start + at + commit.len();
        program[start + at..end].fill(0);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_a_hash_or_unknown() {
        let digits = commit().strip_suffix("-dirty").unwrap_or(commit());
        assert!(matches!(digits.len(), 0 | 12), "{digits}");
        assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
    }

    #[test]
    fn programs_of_other_commits_are_the_same_without_them() {
        let mut program = [b"ab", COMMIT, b"cd", COMMIT].concat();
        erase(&mut program);
        assert_eq!(program, [b"ab", &[0; 18][..], b"cd", &[0; 18]].concat());
    }
}
