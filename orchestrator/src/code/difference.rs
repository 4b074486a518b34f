//! Two states of a worker's code, compared by the files that both have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use experiments::protocol::events::Code;

/// Files whose content differs between two states of the code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Their paths.
    pub(crate) files: BTreeSet<String>,
}

impl Difference {
    /// The difference of two states, each SHA-256 by path.
    ///
    /// A file that only one of them has is no difference: a program that uses it differs as well. But
    /// states that share no file are different programs.
    pub(crate) fn of(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Self {
        let mut shared =
            a.iter().filter_map(|(path, hash)| Some((path, hash, b.get(path)?))).peekable();
        if shared.peek().is_none() && !a.is_empty() && !b.is_empty() {
            return Self { files: a.keys().chain(b.keys()).cloned().collect() };
        }
        let differing = shared.filter(|(_, a, b)| a != b);
        Self { files: differing.map(|(path, ..)| path.clone()).collect() }
    }
}

/// `code` without the Python modules that the program did not import; `imported` are the files that it
/// did, by absolute path. A module outside of the code so far is added.
pub(crate) fn narrowed(
    code: &Code,
    imported: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let root = format!("{}/", code.root);
    let below_root = |path: &str| path.strip_prefix(&root).unwrap_or(path).to_owned();
    let imported: BTreeMap<_, _> =
        imported.iter().map(|(path, hash)| (below_root(path), hash)).collect();
    let mut files = code.files.clone();
    let is_module = |path: &str| Path::new(path).extension().is_some_and(|ending| ending == "py");
    files.retain(|path, _| !is_module(path) || imported.contains_key(path));
    for (path, hash) in imported {
        // As it was at the start: the program reports its files later.
        files.entry(path).or_insert_with(|| hash.clone());
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &str) -> BTreeMap<String, String> {
        let pairs = list.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        pairs.map(|(path, hash)| (path.to_owned(), hash.to_owned())).collect()
    }

    #[test]
    fn files_that_both_have_decide() {
        let differing = |a: &str, b: &str| {
            let difference = Difference::of(&files(a), &files(b));
            difference.files.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(differing("a=1 b=2", "a=1 b=3 c=4"), "b");
        assert_eq!(differing("a=1 b=2", "a=1"), "");
        assert_eq!(differing("a=1", "b=1"), "a b");
        assert_eq!(differing("", "b=1"), "");
    }

    #[test]
    fn modules_that_were_not_imported_do_not_count() {
        let code = Code {
            root: "/p".to_owned(),
            files: files("train.py=1 plot.py=2 conf.yaml=3"),
            ..Code::default()
        };
        let narrow = narrowed(&code, &files("/p/train.py=9 /lib/x.py=4"));
        assert_eq!(narrow, files("train.py=1 conf.yaml=3 /lib/x.py=4"));
    }
}
