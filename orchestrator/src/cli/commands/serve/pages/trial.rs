//! One trial: state, progress, curves, images by step, config against the baseline, attempts and logs.

use maud::{Markup, PreEscaped, html};
use reports::live::LiveReport;

use super::super::cache::Kept;
use super::super::image_path::parts as parts_of;
use super::super::views::trial::{ImagesOfStep, LogView, TrialView};
use super::run::problems;
use super::state::badge;
use super::{Page, Part, link};
use crate::cli::commands::show::Attempt;
use crate::display::text::duration;

/// The page.
pub(crate) fn page(kept: &Kept<TrialView>) -> Page {
    let (trial, run) = (&kept.value, kept.value.run.clone());
    let mut parts = vec![Part { id: "state", content: state(trial) }];
    if !trial.curves.figures.is_empty() || !trial.curves.problems.is_empty() {
        parts.push(Part::section("curves", "Curves", &curves(&trial.curves)));
    }
    if !trial.images.is_empty() {
        parts.push(Part::section("images", "Images by step", &images(trial)));
    }
    if !trial.results.is_empty() {
        parts.push(Part::section("results", "Final values", &results(trial)));
    }
    parts.push(Part::section("config", "Config", &config(trial)));
    parts.push(Part::section("attempts", "Attempts", &attempts(trial)));
    if !trial.system.is_empty() {
        parts.push(Part::section("system", "Use of the machine", &system(trial)));
    }
    if !trial.logs.is_empty() {
        parts.push(Part::section("logs", "The end of the logs", &logs(&trial.logs)));
    }
    Page {
        title: trial.id.0.clone(),
        above: vec![("Runs".to_owned(), "/".to_owned()), (run.clone(), link::run(&run))],
        parts,
        version: super::version(&[kept.generation.to_string()]),
        events: Some(link::path(&["runs", &run, "trials", &trial.id.0, "events"])),
    }
}

fn state(trial: &TrialView) -> Markup {
    html! {
        p.headline {
            (badge(trial.state)) " "
            @if let Some((phase, step, of)) = &trial.progress {
                @let words = format!("{phase} {step}/{of}");
                (super::bar(*step, *of, &words)) " " (words)
            }
        }
        @if !trial.reason.is_empty() { p.reason { (trial.reason) } }
        dl.facts {
            dt { "Variant" }
            dd {
                a href=(link::trials(&trial.run, None, Some(&trial.variant))) { (trial.label) }
                @if trial.label != trial.variant { " " code { (trial.variant) } }
            }
            dt { "Seed" } dd { (trial.seed) }
        }
    }
}

fn curves(drawn: &LiveReport) -> Markup {
    html! {
        div.figures {
            @for figure in &drawn.figures { figure { (PreEscaped(&figure.svg)) } }
        }
        (problems(&drawn.problems))
    }
}

fn system(trial: &TrialView) -> Markup {
    let mut rows = trial.system.iter();
    html! {
        div.wide {
            table.list {
                thead { tr { @for cell in rows.next().into_iter().flatten() { th scope="col" { (cell) } } } }
                tbody {
                    @for [attempt, cells @ ..] in rows {
                        tr { th scope="row" { (attempt) } @for cell in cells { td { (cell) } } }
                    }
                }
            }
        }
        (curves(&trial.system_curves))
    }
}

fn images(trial: &TrialView) -> Markup {
    html! {
        @for (name, steps) in &trial.images {
            div.steps data-steps=(name) {
                h3 { (name) }
                @for of_step in steps { (images_of_step(trial, name, of_step)) }
            }
        }
    }
}

/// All steps, one below the other; a script shows one at a time, which a slider selects.
fn images_of_step(trial: &TrialView, name: &str, of_step: &ImagesOfStep) -> Markup {
    let address = |path: &str| {
        let mut parts = vec!["runs", &trial.run, "trials", &trial.id.0, "artifacts"];
        parts.extend(parts_of(path));
        link::path(&parts)
    };
    html! {
        figure data-step=(of_step.step) {
            figcaption { "step " (of_step.step) }
            div.images {
                @for (item, path) in &of_step.images {
                    @let item = item.as_deref().unwrap_or_default();
                    img src=(address(path)) alt={ (name) " " (item) ", step " (of_step.step) } title=(item)
                        loading="lazy";
                }
            }
        }
    }
}

fn results(trial: &TrialView) -> Markup {
    html! {
        div.wide {
            table.list {
                tbody {
                    @for (metric, value) in &trial.results {
                        tr { th scope="row" { (metric) } td { (value.to_string()) } }
                    }
                }
            }
        }
    }
}

fn config(trial: &TrialView) -> Markup {
    let other =
        |key: &str| trial.baseline.as_ref().and_then(|baseline| baseline.differing.get(key));
    // Keys that only the baseline has.
    let missing = trial.baseline.iter().flat_map(|baseline| baseline.differing.keys());
    let missing = missing.filter(|key| trial.config.iter().all(|(own, _)| own != *key));
    let missing = missing.map(|key| (key.as_str(), "–"));
    let own = trial.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let (differing, same): (Vec<_>, Vec<_>) =
        own.chain(missing).partition(|(key, _)| other(key).is_some());
    html! {
        @if let Some(baseline) = &trial.baseline {
            @if differing.is_empty() {
                p { "The same as of the baseline, " (trial_link(trial, &baseline.id.0)) "." }
            } @else {
                div.wide {
                    table.list {
                        thead {
                            tr {
                                th scope="col" { "differs in" } th scope="col" { "here" }
                                th scope="col" { "baseline, " (trial_link(trial, &baseline.id.0)) }
                            }
                        }
                        tbody {
                            @for (key, value) in &differing {
                                tr {
                                    th scope="row" { (key) } td.value { (value) }
                                    td.value { (other(key).and_then(Option::as_deref).unwrap_or("–")) }
                                }
                            }
                        }
                    }
                }
            }
        }
        details #all-of-config {
            summary { @if trial.baseline.is_some() { "Everything else" } @else { "All of it" } }
            div.wide {
                table.list {
                    tbody {
                        @for (key, value) in &same { tr { th scope="row" { (key) } td.value { (value) } } }
                    }
                }
            }
        }
    }
}

fn trial_link(trial: &TrialView, id: &str) -> Markup {
    html! { a href=(link::trial(&trial.run, id)) { (id) } }
}

fn attempts(trial: &TrialView) -> Markup {
    html! {
        @if trial.attempts.is_empty() { p { "None has been started." } } @else {
            div.wide {
                table.list {
                    thead {
                        tr {
                            @for heading in
                                ["", "end", "started", "took", "host", "device", "from step", "checkpoints"]
                            {
                                th scope="col" { (heading) }
                            }
                        }
                    }
                    tbody { @for attempt in &trial.attempts { (attempt_row(attempt)) } }
                }
            }
        }
        @if let Some(last) = trial.attempts.last() {
            @let facts = last.ran_with.lines();
            @if !facts.is_empty() {
                details #ran-with { summary { "The last one ran with" } pre { (facts.join("\n")) } }
            }
        }
        @if !trial.skipped.is_empty() { ul.notes { @for line in &trial.skipped { li { (line) } } } }
        @if !trial.rerun.is_empty() {
            details #rerun {
                summary { "To rerun it manually" }
                pre { (trial.rerun.join("\n")) }
            }
        }
    }
}

fn attempt_row(attempt: &Attempt) -> Markup {
    let detail = &attempt.detail;
    html! {
        tr {
            th scope="row" { (detail.number) }
            td.reason { (attempt.end) }
            td { (super::time(detail.started_ms)) }
            td { @if let Some(took) = attempt.took { (duration(took)) } }
            td { (attempt.ran_with.host().unwrap_or_default()) }
            td { (detail.device.as_deref().unwrap_or_default()) }
            td { @if let Some(step) = detail.resumed_from { (step) } }
            td { (detail.kept().count()) }
        }
    }
}

fn logs(logs: &[LogView]) -> Markup {
    html! {
        @for log in logs {
            h3 { (log.name) }
            p.notes { code { (log.path) } }
            @if log.lines.is_empty() { p.notes { "empty" } } @else {
                pre.log tabindex="0" aria-label=(log.name) { (log.lines.join("\n")) }
            }
        }
    }
}
