//! The documentation: its commands run, its links lead somewhere, and the reference of commands is theirs.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::common::test_run::{Ended, TestRun};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of a document, in order: what follows the fence, and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some((info.to_string(), String::new()));
            }
            Event::Text(part) => {
                if let Some((_, text)) = &mut open {
                    text.push_str(&part);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

#[test]
fn the_tutorial_runs_as_it_is_written() {
    let test = TestRun::new();
    let folder = test.path("new");
    fs::create_dir(&folder).unwrap();
    let path = Path::new(env!("CARGO_BIN_EXE_orch")).parent().unwrap();
    let path = format!("{}:{}", path.display(), env::var("PATH").unwrap());
    let mut seen = Vec::new();
    for (info, text) in blocks(&read(&project().join("docs/tutorial.md"))) {
        if let Some((_, file)) = info.split_once(" file=") {
            fs::write(folder.join(file), text).unwrap();
        } else if info == "sh" {
            let mut shell = Command::new("bash");
            let shell = shell.args(["-ec", &text]).current_dir(&folder).env("PATH", &path);
            let ended =
                Ended::of(shell.env("ORCH_STATE_DIR", test.path("state")).output().unwrap());
            assert_eq!(ended.code, 0, "{text}\n{}\n{}", ended.stdout, ended.stderr);
            seen.push(ended.stdout + &ended.stderr);
        }
    }
    let seen = seen.join("\n");
    for words in [
        "6 of 6 trials done",
        "nothing is left to do",
        "9 of 9 trials done",
        "30 of 30 trials done",
        "SGD with momentum",
        "Momentum lowers the error.",
    ] {
        assert!(seen.contains(words), "`{words}` is not in\n{seen}");
    }
    assert!(folder.join("line.orch.zip").is_file());
}

/// The Markdown files in a folder.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The anchors of a document, as GitHub and mdBook name them.
fn anchors(text: &str) -> Vec<String> {
    let (mut anchors, mut heading) = (Vec::new(), None);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(part) | Event::Code(part), Some(text)) => text.push_str(&part),
            (Event::End(TagEnd::Heading(_)), _) => {
                let kept = heading.take().unwrap_or_default().to_lowercase();
                let kept = kept.replace(' ', "-");
                anchors
                    .push(kept.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '_', ""));
            }
            _ => {}
        }
    }
    anchors
}

/// The problem of a link in `file`; `None` if it leads somewhere.
fn problem(file: &Path, link: &str, texts: &BTreeMap<PathBuf, String>) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = file.parent().unwrap();
    let target = if path.is_empty() { file.to_owned() } else { folder.join(path) };
    let Ok(target) = target.canonicalize() else { return Some(format!("there is no `{path}`")) };
    let book = project().join("docs");
    // The book has the files of its folder alone.
    if file.starts_with(&book) && !target.starts_with(&book) {
        return Some(format!("`{path}` is not in the book: name it without a link"));
    }
    if let Ok(name) = target.strip_prefix(&book)
        && name.extension().is_some_and(|extension| extension == "md")
        && !texts[&book.join("SUMMARY.md")].contains(&format!("({})", name.display()))
    {
        return Some(format!("`{path}` is not in the book's SUMMARY.md"));
    }
    let is_known = |text: &String| anchors(text).iter().any(|known| known == anchor);
    match texts.get(&target) {
        Some(text) if !anchor.is_empty() && !is_known(text) => {
            Some(format!("`{path}` has no `#{anchor}`"))
        }
        _ => None,
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = project();
    let names = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let mut files: Vec<_> = names.iter().map(|name| root.join(name)).collect();
    for folder in ["docs", "docs/gallery", "docs/results", "examples", "python"] {
        files.extend(documents(&root.join(folder)));
    }
    let texts: BTreeMap<_, _> =
        files.iter().map(|path| (path.canonicalize().unwrap(), read(path))).collect();
    assert!(texts.len() > 20, "{:?}", texts.keys());
    let (mut links, mut wrong) = (0, String::new());
    for (file, text) in &texts {
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
                links += 1;
                if let Some(problem) = problem(file, &dest_url, &texts) {
                    let name = file.strip_prefix(&root).unwrap_or(file).display();
                    writeln!(wrong, "{name}: {problem}").unwrap();
                }
            }
        }
    }
    assert!(links > 150, "{links}");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_book_has_every_document() {
    let docs = project().join("docs");
    let summary = read(&docs.join("SUMMARY.md"));
    for folder in ["", "gallery", "results"] {
        for file in documents(&docs.join(folder)) {
            let name = file.strip_prefix(&docs).unwrap().to_str().unwrap();
            let is_there = name == "SUMMARY.md" || summary.contains(&format!("]({name})"));
            assert!(is_there, "{name} is not in SUMMARY.md");
        }
    }
}

/// The commands that `orch --help` lists, in its order.
pub(super) fn verbs(test: &TestRun) -> Vec<String> {
    let help = test.orch("--help").stdout;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let verbs = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    verbs.filter(|verb| !verb.is_empty() && *verb != "help").map(str::to_owned).collect()
}

#[test]
fn the_reference_of_commands_is_their_help() {
    let test = TestRun::new();
    let mut text =
        "# The commands\n\nAs `orch --help` and `orch COMMAND --help` print them.\n".to_owned();
    let mut add = |title: &str, arguments: &str| {
        let ended = test.orch(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        write!(text, "\n## {title}\n\n```text\n{}\n```\n", ended.stdout.trim_end()).unwrap();
    };
    add("orch", "--help");
    for verb in verbs(&test) {
        add(&format!("orch {verb}"), &format!("{verb} --help"));
    }
    let path = project().join("docs/cli.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        text == read(&path),
        "docs/cli.md is not the help of today; \
         `UPDATE_DOCS=1 cargo test --workspace --test cli documentation` writes it"
    );
}
