//! Paths of the machine that recorded a command, as paths of this one.

use std::path::{Path, PathBuf};

/// Folders that are elsewhere now.
#[derive(Debug, Default)]
pub(super) struct Relocation(Vec<(String, String)>);

impl Relocation {
    /// What was in `then` is in `now`. The first folder that is added wins where several fit.
    pub(super) fn add(&mut self, then: &Path, now: &Path) {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        self.0.push((text(then), text(now)));
    }

    /// `text` with every path below one of the folders as it is now.
    pub(super) fn text(&self, text: &str) -> String {
        let (mut done, mut rest) = (String::new(), text);
        'text: while !rest.is_empty() {
            for (then, now) in &self.0 {
                let is_start = done.is_empty() || done.ends_with(['=', ':', ',', ' ', '"', '\'']);
                if let Some(after) = rest.strip_prefix(then.as_str()).filter(|_| is_start)
                    && (after.is_empty() || after.starts_with(['/', ':', ',', ' ', '"', '\'']))
                {
                    done.push_str(now);
                    rest = after;
                    continue 'text;
                }
            }
            let next = rest.chars().next().map_or(0, char::len_utf8);
            done.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        done
    }

    /// The same of a path.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.text(&path.to_string_lossy()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_folders_at_the_start_of_a_path_are_replaced() {
        let mut relocation = Relocation::default();
        relocation.add(Path::new("/a/runs/t"), Path::new("/tmp/x"));
        relocation.add(Path::new("/a"), Path::new("/b/c"));
        for (text, expected) in [
            ("/a", "/b/c"),
            ("/a/train.py", "/b/c/train.py"),
            ("--out=/a/runs/t/log", "--out=/tmp/x/log"),
            ("/ab", "/ab"),
            ("/x/a/y", "/x/a/y"),
            ("/a:/a/runs/t:/usr", "/b/c:/tmp/x:/usr"),
            ("ä/a", "ä/a"),
        ] {
            assert_eq!(relocation.text(text), expected);
        }
    }
}
