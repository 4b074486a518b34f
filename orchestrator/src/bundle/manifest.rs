//! `manifest.sha256`: the SHA-256 of every file of a bundle, a line each, sorted by name, in the format of
//! `sha256sum`, which can check it.

use std::collections::BTreeMap;

use crate::platform::hash::sha256;

/// Digits of a SHA-256.
const DIGITS: usize = 64;

/// The SHA-256 of every file, by its name; the manifest itself and its signature are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest(pub(crate) BTreeMap<String, String>);

impl Manifest {
    /// The file's content.
    pub(crate) fn text(&self) -> String {
        let lines = self.0.iter().map(|(name, sha256)| format!("{sha256}  {name}\n"));
        lines.collect()
    }

    /// The SHA-256 of the file, which stands for the whole bundle.
    pub(crate) fn fingerprint(&self) -> String {
        sha256(self.text())
    }

    /// Reads the file's content; `Err` with the number of the first line that is not one of a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, usize> {
        let mut manifest = Self::default();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let (sha256, name) = line.split_once("  ").ok_or(number)?;
            let is_hash = sha256.len() == DIGITS
                && sha256.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            let is_last = manifest.0.last_key_value().is_none_or(|(last, _)| last.as_str() < name);
            if !is_hash || !is_last {
                return Err(number);
            }
            manifest.0.insert(name.to_owned(), sha256.to_owned());
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn sha256sum_checks_what_is_written_and_it_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::default();
        for (name, content) in [("b c", "1"), ("a/ü", "")] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
            manifest.0.insert(name.to_owned(), sha256(content));
        }
        std::fs::write(folder.path().join("manifest"), manifest.text()).unwrap();
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", "manifest"]).current_dir(folder.path());
        assert!(check.output().unwrap().status.success());
        assert_eq!(Manifest::parse(&manifest.text()), Ok(manifest));
    }

    #[test]
    fn lines_of_another_form_or_order_are_none_of_a_manifest() {
        let (a, b) = (format!("{}  a\n", sha256("")), format!("{}  b\n", sha256("")));
        assert!(Manifest::parse(&format!("{a}{b}")).is_ok());
        for (text, line) in [
            (format!("{b}{a}"), 2),
            (format!("{a}{a}"), 2),
            (a.replace("  ", " "), 1),
            (a.to_uppercase(), 1),
            (format!("{a}\n{b}"), 2),
            ("e3b0  a\n".to_owned(), 1),
        ] {
            assert_eq!(Manifest::parse(&text), Err(line), "{text}");
        }
    }
}
