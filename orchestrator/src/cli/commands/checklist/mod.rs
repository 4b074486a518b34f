//! `orch checklist [RUN] --for VENUE`: the questions of a reproducibility checklist, answered as far as the
//! records can.

mod facts;
mod items;
mod statistics;

use std::fmt::Write as _;

use experiments::protocol::exit;
use serde_json::json;

use self::facts::Facts;
use self::items::{Answer, Item, items};
use super::any_run::{AnyRun, OpenedRun};
use super::error::Result;
use super::output::{print, print_json, print_message};
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Checklist, global: &Global) -> Result<u8> {
    let named = arguments.run.as_deref();
    let run = match named.and_then(|name| AnyRun::named(name, &global.runs)) {
        Some(run) => run,
        None => AnyRun::Folder(RunDir::find(&global.runs, named)?),
    };
    let OpenedRun { dir, mut store, bundle: _bundle } = run.open().await?;
    let facts = Facts::read(&dir, &mut store).await?;
    let items = items(arguments.venue);
    if arguments.json {
        let items = items.iter().map(|item| {
            json!({
                "number": item.number,
                "title": item.title,
                "from_records": item.answers(&facts),
                "left_to_authors": item.left_to_authors,
            })
        });
        let items: Vec<_> = items.collect();
        print_json(&json!({
            "schema": 1, "run": dir.name(), "for": arguments.venue.name(), "items": items,
        }))?;
    } else {
        print(&to_markdown(&facts, arguments.venue.title(), items))?;
        let answered = items.iter().filter(|item| item.answer != Answer::Nothing).count();
        if !global.quiet {
            print_message(&format!(
                "the records say something to {answered} of {} questions; the others are left to the authors",
                items.len()
            ));
        }
    }
    Ok(exit::OK)
}

fn to_markdown(facts: &Facts, title: &str, items: &[Item]) -> String {
    let mut text = format!(
        "# {title}\n\nThe run `{}`, from its records. Questions are shortened; the venue's own wording \
         counts.\n",
        facts.run
    );
    for item in items {
        let _ = write!(text, "\n## {} {}\n\n{}\n", item.number, item.title, item.question);
        let lines = item.answers(facts);
        if !lines.is_empty() {
            text.push_str("\nFrom the records:\n\n");
            for line in lines {
                let _ = writeln!(text, "- {line}");
            }
        }
        if !item.left_to_authors.is_empty() {
            let _ = write!(text, "\nLeft to the authors: {}\n", item.left_to_authors);
        }
    }
    text
}
