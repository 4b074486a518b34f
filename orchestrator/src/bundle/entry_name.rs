//! Names of a bundle's entries: relative paths that mean the same on every system, and no two of which are
//! the same file on any.

use std::collections::HashMap;

/// Bytes of a name at most.
const LONGEST: usize = 1024;

/// The names of a bundle's entries so far.
#[derive(Debug, Default)]
pub(super) struct EntryNames {
    /// Each name by what it is on a system that does not tell upper case from lower.
    seen: HashMap<String, String>,
}

impl EntryNames {
    /// Takes in one more name; `Err` with the rule that it breaks.
    pub(super) fn add(&mut self, name: &[u8]) -> Result<String, String> {
        let name = checked(name)?;
        match self.seen.insert(name.to_lowercase(), name.to_owned()) {
            None => Ok(name.to_owned()),
            Some(other) if other == name => Err("there are two entries of this name".to_owned()),
            Some(other) => Err(format!("it differs from `{other}` in upper and lower case only")),
        }
    }
}

/// True if `name` can be that of a folder on every system.
pub(super) fn is_folder_name(name: &str) -> bool {
    checked(name.as_bytes()).is_ok() && !name.contains('/')
}

fn checked(name: &[u8]) -> Result<&str, String> {
    let name = str::from_utf8(name).map_err(|_| "its name is not UTF-8".to_owned())?;
    let problem = if name.len() > LONGEST {
        format!("its name has more than {LONGEST} bytes")
    } else if name.starts_with('/') {
        "its path is absolute".to_owned()
    } else if name.contains('\\') || name.contains(':') {
        "its name has a backslash or a colon, which some systems take for a path".to_owned()
    } else if name.chars().any(char::is_control) {
        "its name has control characters".to_owned()
    } else if name.ends_with('/') {
        "a bundle has entries for files alone, and this is one for a folder (`zip -D` makes none)"
            .to_owned()
    } else if let Some(part) = name.split('/').find(|part| ["", ".", ".."].contains(part)) {
        format!("`{part}` is a part of its path")
    } else {
        return Ok(name);
    };
    Err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_the_bundle_on_every_system() {
        for good in ["a", "trials/a-s0/attempt-1/events.jsonl", "ü/ß.png", "a b", "..a/b..", "…"]
        {
            assert_eq!(EntryNames::default().add(good.as_bytes()).as_deref(), Ok(good));
        }
        let long = "n".repeat(LONGEST + 1);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "a\\b",
            "C:a",
            "a\nb",
            "a\0",
            &long,
        ] {
            assert!(EntryNames::default().add(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(EntryNames::default().add(b"\xff\xfe").is_err());
    }

    #[test]
    fn two_names_are_two_files_on_every_system() {
        let mut names = EntryNames::default();
        names.add("trials/Ä".as_bytes()).unwrap();
        assert!(names.add("trials/ä".as_bytes()).unwrap_err().contains("upper and lower case"));
        assert!(names.add("trials/ä".as_bytes()).is_err());
        names.add(b"trials/b").unwrap();
        assert!(names.add(b"trials/b").unwrap_err().contains("two entries"));
    }
}
