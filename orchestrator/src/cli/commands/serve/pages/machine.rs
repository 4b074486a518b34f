//! The slots of this machine and who holds them.

use std::path::Path;

use maud::{Markup, html};

use super::super::views::machine::{Holder, Machine};
use super::link;

/// The cores and GPUs with their holders; `runs` is the folder whose runs have pages.
pub(super) fn slots(machine: &Machine, runs: &Path) -> Markup {
    let has_gpus = !machine.gpus.is_empty();
    let held: usize = machine.of_cores.iter().map(|(_, cores)| cores).sum();
    html! {
        p { (machine.host) ": " (held) " of " (machine.cores) " CPU cores are held"
            @if !has_gpus { ", no GPUs" } "." }
        @if let Some(note) = &machine.note { p.notes { (note) } }
        @if !machine.of_cores.is_empty() || has_gpus {
            div.wide {
                table.list {
                    thead {
                        tr { th scope="col" { "slots" } @if has_gpus { th scope="col" { "memory in use" } } th scope="col" { "held by" } }
                    }
                    tbody {
                        @for view in &machine.gpus {
                            tr {
                                th scope="row" { (view.gpu.name) " " code { (view.gpu.short_uuid()) } }
                                td { (view.gpu.used) " of " (view.gpu.memory) }
                                td {
                                    @for (of, share) in &view.holders {
                                        (holder(of, runs)) " (" (format!("{share:.2}")) ") "
                                    }
                                    @if view.holders.is_empty() { "none of this user's runs" }
                                }
                            }
                        }
                        @for (of, cores) in &machine.of_cores {
                            tr {
                                th scope="row" { (cores) @if *cores == 1 { " core" } @else { " cores" } }
                                @if has_gpus { td {} }
                                td { (holder(of, runs)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The attempt, with a link to its trial if that has a page.
fn holder(of: &Holder, runs: &Path) -> Markup {
    let run = of.run_name();
    let is_shown = of.run.parent().is_some_and(|folder| is_same(folder, runs));
    html! {
        @if is_shown { a href=(link::trial(&run, &of.trial)) { (run) " " (of.trial) } } @else {
            code { (of.run.display()) } " " (of.trial)
        }
        " " (of.attempt)
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}
