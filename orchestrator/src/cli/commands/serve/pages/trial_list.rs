//! The trials of a run in a list, by state and variant, a page at a time.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::cache::Kept;
use super::super::views::run::{RunView, TrialView};
use super::state::badge;
use super::{Page, Part, link};

/// Trials on a page.
const PAGE: usize = 200;

/// The trials that are listed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Selection {
    state: Option<String>,
    variant: Option<String>,
    /// From 1.
    page: Option<usize>,
}

impl Selection {
    fn has(&self, trial: &TrialView) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        is(&self.state, trial.state) && is(&self.variant, &trial.variant)
    }

    /// The conditions in words: ` failed`, ` of sr3`.
    fn words(&self) -> String {
        let state = self.state.iter().map(|state| format!(" {state}"));
        let variant = self.variant.iter().map(|variant| format!(" of {variant}"));
        state.chain(variant).collect()
    }
}

/// The page.
pub(crate) fn page(run: &Kept<RunView>, selection: &Selection) -> Page {
    let (view, name) = (&run.value, run.value.dir.name());
    let selected: Vec<_> = view.trials.iter().filter(|trial| selection.has(trial)).collect();
    let pages = selected.len().div_ceil(PAGE).max(1);
    let number = selection.page.unwrap_or(1).clamp(1, pages);
    let shown = selected.iter().skip((number - 1) * PAGE).take(PAGE).copied();
    let content = html! {
        p { (selected.len()) " of " (view.trials.len()) " trials" }
        div.wide { (table(view, shown)) }
        @if pages > 1 { (pager(&name, selection, number, pages)) }
    };
    Page {
        title: format!("Trials{}", selection.words()),
        above: vec![("Runs".to_owned(), "/".to_owned()), (name.clone(), link::run(&name))],
        parts: vec![Part { id: "trials", content }],
        version: run.generation.to_string(),
        events: None,
    }
}

fn table<'a>(run: &RunView, trials: impl Iterator<Item = &'a TrialView>) -> Markup {
    let name = run.dir.name();
    let headline = run.headline.as_deref().unwrap_or_default();
    html! {
        table.list {
            thead {
                tr {
                    @for heading in ["trial", "state", headline, "attempts", "reason"] {
                        th scope="col" { (heading) }
                    }
                }
            }
            tbody {
                @for trial in trials {
                    tr {
                        th scope="row" { a href=(link::trial(&name, &trial.id.0)) { (trial.id) } }
                        td { (badge(trial.state)) }
                        td { @if let Some(value) = trial.latest { (format!("{value:.4}")) } }
                        td { (trial.attempts) }
                        td.reason { (trial.reason) }
                    }
                }
            }
        }
    }
}

fn pager(run: &str, selection: &Selection, number: usize, pages: usize) -> Markup {
    let list = link::trials(run, selection.state.as_deref(), selection.variant.as_deref());
    let mark = if list.contains('?') { '&' } else { '?' };
    let address = |number: usize| format!("{list}{mark}page={number}");
    html! {
        nav aria-label="Pages" {
            @if number > 1 { a href=(address(number - 1)) rel="prev" { "‹ previous" } " " }
            "page " (number) " of " (pages)
            @if number < pages { " " a href=(address(number + 1)) rel="next" { "next ›" } }
        }
    }
}
