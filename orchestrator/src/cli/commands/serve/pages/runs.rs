//! Every run, the one that changed last first.

use std::path::Path;

use maud::{Markup, html};

use super::super::cache::Kept;
use super::super::problem::Problem;
use super::super::views::machine::Machine;
use super::super::views::run::{Listed, RunView};
use super::state::badge;
use super::{Page, Part, link, machine};
use crate::run_dir::RunDir;

/// The page.
pub(crate) fn page(folder: &Path, runs: &[Listed], machine_now: &Kept<Machine>) -> Page {
    let generations = runs.iter().map(|(run, view)| match view {
        Ok(view) => view.generation.to_string(),
        Err(problem) => format!("{}: {problem}", run.name()),
    });
    let version: Vec<String> = generations.chain([machine_now.generation.to_string()]).collect();
    Page {
        title: "Runs".to_owned(),
        above: Vec::new(),
        parts: vec![
            Part { id: "runs", content: table(folder, runs) },
            Part::section("machine", "This machine", &machine::slots(&machine_now.value, folder)),
        ],
        version: super::version(&version),
        events: Some("/events".to_owned()),
    }
}

fn table(folder: &Path, runs: &[Listed]) -> Markup {
    if runs.is_empty() {
        return html! { p { "Nothing has been run in " code { (folder.display()) } " yet." } };
    }
    html! {
        div.wide {
            table.list {
                thead {
                    tr {
                        @for heading in ["run", "state", "done", "", "last change"] {
                            th scope="col" { (heading) }
                        }
                    }
                }
                tbody { @for (run, view) in runs { (row(run, view.as_deref())) } }
            }
        }
    }
}

fn row(run: &RunDir, view: Result<&Kept<RunView>, &Problem>) -> Markup {
    let name = run.name();
    html! {
        tr {
            th scope="row" { a href=(link::run(&name)) { (name) } }
            @match view {
                Ok(view) => {
                    @let (done, all) = (view.value.count("succeeded"), view.value.trials.len());
                    td { (badge(view.value.state)) }
                    td { (done) "/" (all) }
                    td { (super::bar(done as u64, all as u64, &format!("{name}: {done} of {all} done"))) }
                    td { @if let Some(time) = view.value.changed_ms { (super::time(time)) } }
                }
                Err(problem) => {
                    td colspan="4" { "unreadable: " (problem) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_read_has_a_row_with_the_reason() {
        let run = RunDir::new(Path::new("runs"), "<script>");
        let rows = [(run, Err(Problem::Unreadable("a <b>".to_owned())))];
        let table = table(Path::new("runs"), &rows).into_string();
        assert!(table.contains("unreadable: a &lt;b&gt;"), "{table}");
        assert!(table.contains("/runs/%3Cscript%3E/") && !table.contains("<script"), "{table}");
    }
}
