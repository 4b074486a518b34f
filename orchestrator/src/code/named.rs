//! The files that a command names.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use experiments::expand::interpreter::interpreter;
use experiments::regular_file;

use super::project::is_program_text;

/// Files that a command names, and the folders of the programs among them.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// By absolute path, in the command's order.
    pub(super) files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

/// Letters that end a word in a shell's line.
const SHELL_SEPARATORS: &[char] = &[' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>', '"', '\''];

/// The files that `command` names, run in `directory`; its program is the file `program`.
pub(super) fn files(command: &[String], program: &Path, directory: &Path) -> Named {
    let mut named = Named::default();
    let first = &command[0];
    if interpreter(first).is_none() && first.contains('/') && is_script(program) {
        named.add(program);
    }
    for (at, word) in command.iter().enumerate().skip(1) {
        if command[at - 1] == "-m" {
            named.add_module(word, directory);
        }
        // A line for a shell has words of its own, and `--config=FILE` names a file too.
        for piece in word.split(SHELL_SEPARATORS).flat_map(|piece| piece.split('=')) {
            let path = directory.join(piece);
            if !piece.is_empty() && path.is_file() {
                named.add(&path);
            }
        }
    }
    named
}

impl Named {
    /// The projects that the programs belong to: their folders, none within another.
    pub(super) fn projects(&self) -> Vec<PathBuf> {
        outermost(self.folders.clone())
    }

    /// The programs among the files.
    pub(super) fn scripts(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter().filter(|file| is_script(file))
    }

    fn add(&mut self, file: &Path) {
        let file = normalised(file);
        if is_script(&file) {
            self.folders.extend(file.parent().map(Path::to_owned));
        }
        self.files.push(file);
    }

    /// Python's `-m pkg.train`, where `pkg` is a package in the working directory.
    fn add_module(&mut self, module: &str, directory: &Path) {
        let path = directory.join(module.replace('.', "/"));
        let file = [path.with_extension("py"), path.join("__main__.py")];
        let Some(file) = file.into_iter().find(|file| file.is_file()) else { return };
        let package = directory.join(module.split('.').next().unwrap_or(module));
        self.folders.insert(normalised(if package.is_dir() { &package } else { directory }));
        self.files.push(normalised(&file));
    }
}

/// True for the text of a program: by its name, or by its first line `#!…`.
fn is_script(path: &Path) -> bool {
    let begins_as_one = || {
        let mut start = [0; 2];
        let file = regular_file::open(path);
        file.and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
    };
    is_program_text(path) || begins_as_one()
}

/// The folders that are not within another of them.
fn outermost(folders: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if !kept.iter().any(|outer| folder.starts_with(outer)) {
            kept.push(folder);
        }
    }
    kept
}

/// Without `.` and `..`, which would hide that two paths are the same.
fn normalised(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn scripts_modules_and_files_within_words_are_named() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for file in ["train.py", "src/eval.py", "pkg/deep/run.py", "tool", "data.csv", "c.yaml"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "#!/bin/sh\n").unwrap();
        }
        fs::write(root.join("data.csv"), "1,2\n").unwrap();
        let named = |command: &str| {
            let words: Vec<_> = command.split('~').map(str::to_owned).collect();
            let named = files(&words, &root.join("tool"), &root);
            let below = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
            let projects = named.projects();
            let lists = [&named.files, &projects];
            lists.map(|list| list.iter().map(below).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(named("python3~-u~train.py~{args}"), ["train.py", ""]);
        assert_eq!(named("python3~./src/../src/eval.py"), ["src/eval.py", "src"]);
        assert_eq!(named("python3~-m~pkg.deep.run"), ["pkg/deep/run.py", "pkg"]);
        assert_eq!(named("torchrun~--nproc=2~train.py"), ["train.py", ""]);
        assert_eq!(named("sh~-c~cd . && python train.py>log"), ["train.py", ""]);
        assert_eq!(
            named("python3~src/eval.py~--config=c.yaml~data.csv"),
            ["src/eval.py c.yaml data.csv", ""]
        );
        assert_eq!(named("./tool~--fast"), ["tool", ""]);
        assert_eq!(named("tool~--fast~-m~os"), ["", ""]);
    }
}
