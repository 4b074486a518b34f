//! Every trial of a run at once: a row for each variant, a column for each seed.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::super::views::run::{RunView, STATES, TrialView};
use super::link;
use super::state::sign;

/// Trials that are shown one by one; of more, only the numbers by state are.
const MOST_CELLS: usize = 3000;

/// The matrix.
pub(super) fn matrix(run: &RunView) -> Markup {
    html! {
        (legend(run))
        div.wide {
            @if run.trials.len() <= MOST_CELLS { (cells(run)) } @else { (numbers(run)) }
        }
    }
}

/// The signs with the number of their trials, which lead to lists of them.
fn legend(run: &RunView) -> Markup {
    let name = run.dir.name();
    html! {
        ul.legend {
            @for (state, count) in run.counts() {
                li {
                    a href=(link::trials(&name, Some(state), None)) {
                        span .cell .{ "state-" (state) } { (sign(state)) } " " (count) " " (state)
                    }
                }
            }
        }
    }
}

fn cells(run: &RunView) -> Markup {
    let name = run.dir.name();
    let seeds: BTreeSet<u64> = run.trials.iter().map(|trial| trial.seed).collect();
    let mut by_row = BTreeMap::<&str, BTreeMap<u64, &TrialView>>::new();
    for trial in &run.trials {
        by_row.entry(&trial.variant).or_default().insert(trial.seed, trial);
    }
    html! {
        table.matrix {
            thead {
                tr { th scope="col" { "seed" } @for seed in &seeds { th scope="col" { (seed) } } }
            }
            tbody {
                @for row in &run.rows {
                    @let of_row = by_row.get(row.name.as_str());
                    tr {
                        th scope="row" { (variant(&name, &row.name, &row.label)) }
                        @for seed in &seeds {
                            td { @if let Some(trial) = of_row.and_then(|r| r.get(seed)) { (cell(&name, trial)) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(run: &str, trial: &TrialView) -> Markup {
    let state = format!("{}, seed {}: {}", trial.variant, trial.seed, trial.state);
    let progress = trial.active.as_ref().and_then(|active| active.progress.as_ref());
    let progress = progress.map(|(phase, step, of)| format!("{phase} {step}/{of}"));
    let reason = Some(trial.reason.clone()).filter(|reason| !reason.is_empty());
    let words =
        [Some(state), progress, reason].into_iter().flatten().collect::<Vec<_>>().join(", ");
    html! {
        a .cell .{ "state-" (trial.state) } .stalled[trial.stalled] href=(link::trial(run, &trial.id.0)) title=(words)
            aria-label=(words) { (sign(trial.state)) }
    }
}

/// The name of a row, which leads to the list of its trials.
fn variant(run: &str, name: &str, label: &str) -> Markup {
    html! { a href=(link::trials(run, None, Some(name))) { (label) } }
}

fn numbers(run: &RunView) -> Markup {
    let name = run.dir.name();
    let mut counts = BTreeMap::<(&str, &str), usize>::new();
    for trial in &run.trials {
        *counts.entry((&trial.variant, trial.state)).or_default() += 1;
    }
    let states: Vec<&str> = STATES.into_iter().filter(|state| run.count(state) > 0).collect();
    html! {
        table {
            thead { tr { th { "" } @for state in &states { th scope="col" { (state) } } } }
            tbody {
                @for row in &run.rows {
                    tr {
                        th scope="row" { (variant(&name, &row.name, &row.label)) }
                        @for state in &states {
                            td { @if let Some(count) = counts.get(&(row.name.as_str(), *state)) { (count) } }
                        }
                    }
                }
            }
        }
    }
}
