//! Pages of plain values. All text is escaped by `maud`; that of files and workers moves no cursor and
//! reverses no line either, since a page is passed through [`harmless`] as a whole.

pub(super) mod link;
mod machine;
mod matrix;
pub(super) mod run;
pub(super) mod runs;
mod state;
pub(super) mod trial;
pub(super) mod trial_list;

use maud::{DOCTYPE, Markup, html};

use super::assets::{ICON, SCRIPT, STYLE};
use crate::display::text::harmless;
use crate::platform::{clock, hash};

/// A page that is told when it is out of date.
pub(crate) struct Page {
    title: String,
    /// Name and address of the pages above it, the highest first.
    above: Vec<(String, String)>,
    parts: Vec<Part>,
    /// Changes with anything that the page shows.
    pub(super) version: String,
    /// The address of its events; `None` if it does not change while it is open.
    events: Option<String>,
}

/// A part of a page, which is replaced by itself once it has changed.
pub(super) struct Part {
    id: &'static str,
    content: Markup,
}

impl Part {
    /// A section with a heading.
    fn section(id: &'static str, heading: &str, content: &Markup) -> Self {
        Self { id, content: html! { h2 { (heading) } (content) } }
    }
}

impl Page {
    /// The document.
    pub(super) fn html(&self) -> String {
        let main = html! {
            @for part in &self.parts {
                @let content = part.content.0.as_str();
                section id=(part.id) data-part=(hash::short(&hash::sha256(content), 16)) {
                    (part.content)
                }
            }
            @if let Some(events) = &self.events {
                p #connection .notes role="status" data-events=(events) data-version=(self.version) {
                    "This page shows the records as they were when it was loaded."
                }
            }
        };
        document(&self.title, &self.above, &main)
    }
}

/// The version of a page that shows data of these generations.
fn version(generations: &[String]) -> String {
    // Generations count from 1 in every process.
    hash::sha256(format!("{} {}", std::process::id(), generations.join(" ")))
}

/// A time.
fn time(time_ms: i64) -> Markup {
    let text = clock::to_rfc3339(time_ms);
    html! { time datetime=(text) { (text.replace('T', " ").replace('Z', " UTC")) } }
}

/// A bar of `done` out of `all`, which `words` says.
fn bar(done: u64, all: u64, words: &str) -> Markup {
    html! { progress max=(all.max(1)) value=(done) aria-label=(words) title=(words) { (words) } }
}

/// A page with a message alone.
pub(super) fn message(title: &str, text: &str) -> String {
    let above = [("Runs".to_owned(), "/".to_owned())];
    document(title, &above, &html! { p.message { (text) } })
}

fn document(title: &str, above: &[(String, String)], main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · orch" }
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                link rel="stylesheet" href=(STYLE.path);
                script src=(SCRIPT.path) defer {}
            }
            body {
                header {
                    @if !above.is_empty() {
                        nav aria-label="Pages above" {
                            @for (name, address) in above { a href=(address) { (name) } " › " }
                        }
                    }
                    h1 { (title) }
                }
                main { (main) }
            }
        }
    };
    harmless(&page.into_string()).into_owned()
}
