//! The imports of a crate, read from its source: every path that begins with `crate`, `self` or
//! `super`, or with a child module, in a `use` or anywhere else. Re-exports are followed to the file
//! that defines the name; a `pub use` itself only hands names on and is no import.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{File, Item, UseTree, Visibility};

/// A module that is a file of its own.
pub(crate) struct Module {
    /// Below `src`.
    pub(crate) file: PathBuf,
    /// Its path from the crate's root.
    path: Vec<String>,
    /// Every path that it names, from the crate's root.
    named: Vec<Vec<String>>,
    /// Names that it re-exports, with the paths that they have.
    reexports: BTreeMap<String, Vec<String>>,
}

/// The library of a crate.
pub(crate) struct Sources {
    pub(crate) modules: Vec<Module>,
}

impl Sources {
    /// Reads `src/` below the folder `krate`; inline test modules are left out.
    pub(crate) fn read(krate: &Path) -> Self {
        let src = krate.join("src");
        let mut files = Vec::new();
        rust_files(&src, &mut files);
        files.sort();
        let below_src = |file: &PathBuf| file.strip_prefix(&src).unwrap().to_owned();
        let paths: Vec<_> = files.iter().map(|file| module_path(&below_src(file))).collect();
        let read = |(file, path): (&PathBuf, &Vec<String>)| {
            let text = fs::read_to_string(file).unwrap();
            let parsed =
                syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            Module::new(below_src(file), path.clone(), &parsed, &paths)
        };
        Self { modules: files.iter().zip(&paths).map(read).collect() }
    }

    /// Every import from one file to another, with the name that is imported.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&Module, &Module, &str)> {
        self.modules.iter().flat_map(move |from| {
            let targets = from.named.iter().filter_map(move |path| self.defined_in(path, 8));
            targets.filter(|(to, _)| to.file != from.file).map(move |(to, name)| (from, to, name))
        })
    }

    /// The file that defines what `path` leads to, and the last name on the way.
    fn defined_in<'a>(&'a self, path: &'a [String], hops: usize) -> Option<(&'a Module, &'a str)> {
        let module = (0..=path.len())
            .rev()
            .find_map(|n| self.modules.iter().find(|module| module.path == path[..n]))?;
        let name = path.get(module.path.len());
        match name.and_then(|name| module.reexports.get(name)) {
            Some(target) if hops > 0 => self.defined_in(target, hops - 1),
            _ => Some((module, name.or(path.last())?)),
        }
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_stem().is_some_and(|stem| stem != "tests")
        {
            files.push(path);
        }
    }
}

/// `a/b.rs` and `a/b/mod.rs` are both `[a, b]`; `main.rs` is a crate of its own and ends nowhere.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<_> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    path
}

impl Module {
    fn new(file: PathBuf, path: Vec<String>, parsed: &File, all: &[Vec<String>]) -> Self {
        let children = all
            .iter()
            .filter(|other| other.len() == path.len() + 1 && other.starts_with(&path))
            .map(|other| other.last().unwrap().clone())
            .collect();
        let mut reader = Reader { path: path.clone(), children, named: Vec::new() };
        let mut reexports = BTreeMap::new();
        for item in &parsed.items {
            match item {
                Item::Mod(inline) if inline.content.is_some() => {}
                Item::Use(used) if !matches!(used.vis, Visibility::Inherited) => {
                    for leaf in leaves(&used.tree) {
                        if let Some(target) = reader.resolve(&leaf) {
                            reexports.insert(leaf.last().unwrap().clone(), target);
                        }
                    }
                }
                item => reader.visit_item(item),
            }
        }
        Self { file, path, named: reader.named, reexports }
    }
}

/// Collects the paths that one file names.
struct Reader {
    path: Vec<String>,
    children: Vec<String>,
    named: Vec<Vec<String>>,
}

impl Reader {
    /// A path from the crate's root; `None` where it leads out of the crate or names something here.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?.as_str();
        let mut at = self.path.clone();
        let rest = match first {
            "crate" => {
                at.clear();
                &path[1..]
            }
            "self" => &path[1..],
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                at.truncate(at.len().checked_sub(ups)?);
                &path[ups..]
            }
            child if path.len() > 1 && self.children.iter().any(|other| other == child) => path,
            _ => return None,
        };
        at.extend(rest.iter().cloned());
        Some(at)
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, used: &'ast syn::ItemUse) {
        for leaf in leaves(&used.tree) {
            let target = self.resolve(&leaf);
            self.named.extend(target);
        }
    }

    /// A visibility says who may import, and imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        let target = self.resolve(&parts);
        self.named.extend(target.filter(|_| parts.len() > 1));
        visit::visit_path(self, path);
    }
}

/// Every path of a `use`; `a::{self}` is `a`.
fn leaves(tree: &UseTree) -> Vec<Vec<String>> {
    match tree {
        UseTree::Path(path) => leaves(&path.tree)
            .into_iter()
            .map(|mut rest| {
                if rest != ["self"] {
                    rest.insert(0, path.ident.to_string());
                    return rest;
                }
                vec![path.ident.to_string()]
            })
            .collect(),
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        UseTree::Glob(_) => vec![vec!["*".to_owned()]],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}
