//! The code map of ARCHITECTURE.md against the imports: every folder and file at the top of a crate's
//! `src` is a room of the map, a room imports only rooms below it, and no files import each other in a
//! circle.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::{Module, Sources};

/// The rooms of each crate's `src`, the highest first, as the code map has them.
fn code_map() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## Code map").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```").nth(1).unwrap();
    let mut map = BTreeMap::<String, Vec<String>>::new();
    let mut krate = None;
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let name = line.split_whitespace().next().unwrap();
        if !line.starts_with(' ') {
            krate = name.strip_suffix("/src").map(str::to_owned);
        } else if let Some(krate) = &krate
            && line.starts_with("  ")
            && !line.starts_with("   ")
        {
            map.entry(krate.clone()).or_default().push(name.trim_end_matches(".rs").to_owned());
        }
    }
    map
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The room of a file: the first part of its path below `src`; `table.rs` and `table/` are one.
fn room(module: &Module) -> String {
    let first = module.file.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn the_code_map_names_every_room_and_no_other() {
    for (krate, rooms) in code_map() {
        let sources = Sources::read(&workspace().join(&krate));
        let found: BTreeSet<_> =
            sources.modules.iter().map(room).filter(|room| room != "lib").collect();
        assert_eq!(BTreeSet::from_iter(rooms), found, "rooms of {krate}/src");
    }
}

#[test]
fn every_room_imports_only_rooms_below_it() {
    let mut wrong = Vec::new();
    for (krate, rooms) in code_map() {
        let floor = |room: &str| rooms.iter().position(|other| other == room);
        let sources = Sources::read(&workspace().join(&krate));
        let mut arrows = 0;
        for (from, to, name) in sources.imports() {
            let (upper, lower) = (room(from), room(to));
            if upper == lower || lower == "lib" {
                continue;
            }
            arrows += 1;
            if floor(&upper) >= floor(&lower) {
                wrong.push(format!(
                    "{krate}/src/{} imports `{name}` from {}, which stands above it",
                    from.file.display(),
                    to.file.display()
                ));
            }
        }
        assert!(arrows > 0 || rooms.len() < 2, "no import was read in {krate}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for krate in code_map().into_keys() {
        let sources = Sources::read(&workspace().join(&krate));
        let mut below = BTreeMap::<&Path, BTreeSet<&Path>>::new();
        for (from, to, _) in sources.imports() {
            below.entry(&from.file).or_default().insert(&to.file);
        }
        // A file that imports none of the others, or that none of them imports, is in no circle.
        loop {
            let before = below.len();
            let imported: BTreeSet<_> = below.values().flatten().copied().collect();
            below.retain(|from, _| imported.contains(from));
            let left: BTreeSet<_> = below.keys().copied().collect();
            for to in below.values_mut() {
                to.retain(|file| left.contains(file));
            }
            below.retain(|_, to| !to.is_empty());
            if below.len() == before {
                break;
            }
        }
        assert!(below.is_empty(), "in {krate}/src a circle is among these files: {below:#?}");
    }
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    fs::create_dir_all(src.join("upper")).unwrap();
    for (file, text) in [
        ("lib.rs", "mod lower;\nmod upper;\n"),
        ("lower.rs", "pub struct Low;\npub(crate) fn call() { crate::upper::up(); }\n"),
        ("upper/mod.rs", "mod deep;\npub use deep::Deep;\npub fn up() {}\n"),
        (
            "upper/deep.rs",
            "use crate::{lower::{self, Low}};\npub(in super::super) struct Deep(Low);\n",
        ),
        ("upper/user.rs", "fn f() -> super::Deep { loop {} }\n"),
    ] {
        fs::write(src.join(file), text).unwrap();
    }
    let sources = Sources::read(folder.path());
    let found: BTreeSet<_> = sources
        .imports()
        .map(|(from, to, name)| format!("{} {} {name}", from.file.display(), to.file.display()))
        .collect();
    let expected = [
        "lower.rs upper/mod.rs up",
        "upper/deep.rs lower.rs Low",
        "upper/deep.rs lower.rs lower",
        "upper/user.rs upper/deep.rs Deep",
    ];
    assert_eq!(found, BTreeSet::from(expected.map(str::to_owned)));
}
