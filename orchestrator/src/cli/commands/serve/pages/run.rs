//! One run: its progress, every trial, what goes on, and the report so far.

use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, PreEscaped, html};
use reports::live::{LiveFigure, LiveReport};

use super::super::cache::Kept;
use super::super::problem::Problem;
use super::super::views::machine::Machine;
use super::super::views::run::{ActiveView, RunView, TrialView};
use super::state::badge;
use super::{Page, Part, link, machine, matrix};
use crate::display::outlook;
use crate::display::text::duration;
use crate::platform::clock;
use crate::platform::hash;

/// Trials that are listed with the reason for their state; of more, the matrix leads to lists.
const MOST_LISTED: usize = 40;

/// A report, `None` while it is drawn for the first time.
type Report = Result<Option<Arc<Kept<LiveReport>>>, Problem>;

/// The page.
pub(crate) fn page(run: &Kept<RunView>, machine_now: &Kept<Machine>, report: Report) -> Page {
    let (view, name) = (&run.value, run.value.dir.name());
    let runs = view.dir.path().parent().unwrap_or(view.dir.path());
    let report_version = match &report {
        Ok(report) => report.as_ref().map_or(0, |report| report.generation).to_string(),
        Err(problem) => problem.to_string(),
    };
    let version = [run.generation.to_string(), machine_now.generation.to_string(), report_version];
    let mut parts = vec![Part { id: "state", content: state(view) }];
    let listed: Vec<_> = view.trials.iter().filter(|trial| needs_attention(trial)).collect();
    if !listed.is_empty() {
        parts.push(Part::section("attention", "Not as planned", &attention(&name, &listed)));
    }
    parts.push(Part::section("trials", "Trials", &matrix::matrix(view)));
    if view.trials.iter().any(|trial| trial.active.is_some()) {
        parts.push(Part::section("active", "Running", &active(view)));
    }
    parts.push(Part::section("machine", "This machine", &machine::slots(&machine_now.value, runs)));
    parts.extend(report_parts(&name, report));
    Page {
        title: name.clone(),
        above: vec![("Runs".to_owned(), "/".to_owned())],
        parts,
        version: super::version(&version),
        events: Some(link::path(&["runs", &name, "events"])),
    }
}

fn state(run: &RunView) -> Markup {
    let (done, all) = (run.count("succeeded"), run.trials.len());
    let words = format!("{done} of {all} trials have succeeded");
    let until_ms = if run.supervisor.is_some() { Some(clock::now_ms()) } else { run.changed_ms };
    let took = run
        .started_ms
        .zip(until_ms)
        .map(|(from, to)| Duration::from_millis(u64::try_from(to - from).unwrap_or(0)));
    html! {
        @if !run.description.is_empty() { p { (run.description) } }
        p.headline { (badge(run.state)) " " (super::bar(done as u64, all as u64, &words)) " " (words) }
        @if !run.damage.is_empty() {
            div.warning {
                p { strong { "Records are damaged." } " Nothing is drawn of them; " code { "orch report" }
                    " says what can be done." }
                ul { @for damage in run.damage.iter().take(MOST_LISTED) { li { (damage) } } }
            }
        }
        dl.facts {
            @if let Some(supervisor) = &run.supervisor { dt { "Run by" } dd { (supervisor) } }
            @if run.supervisor.is_none() && done < all {
                dt { "Resumed by" } dd { code { (run.command) } }
            } @else {
                dt { "Command" } dd { code { (run.command) } }
            }
            @if let Some(started) = run.started_ms { dt { "Started" } dd { (super::time(started)) } }
            @if let Some(changed) = run.changed_ms { dt { "Last change" } dd { (super::time(changed)) } }
            @if took.is_some() { dt { "Time" } dd { (outlook::in_words(took, run.left)) } }
        }
    }
}

fn needs_attention(trial: &TrialView) -> bool {
    trial.stalled
        || matches!(trial.state, "failed" | "lost" | "ended" | "interrupted" | "cancelled")
}

fn attention(run: &str, listed: &[&TrialView]) -> Markup {
    html! {
        div.wide {
            table.list {
                thead { tr { @for h in ["trial", "state", "reason"] { th scope="col" { (h) } } } }
                tbody {
                    @for trial in listed.iter().take(MOST_LISTED) {
                        tr {
                            th scope="row" { (trial_link(run, trial)) }
                            td { (badge(trial.state)) }
                            td.reason { (trial.reason) }
                        }
                    }
                }
            }
        }
        @if listed.len() > MOST_LISTED { p.notes { "and " (listed.len() - MOST_LISTED) " more" } }
    }
}

fn trial_link(run: &str, trial: &TrialView) -> Markup {
    html! { a href=(link::trial(run, &trial.id.0)) { (trial.id) } }
}

fn active(run: &RunView) -> Markup {
    let name = run.dir.name();
    let going = || run.trials.iter().filter_map(|trial| Some((trial, trial.active.as_ref()?)));
    let more = going().count().saturating_sub(MOST_LISTED);
    html! {
        div.wide {
            table.list {
                thead {
                    tr {
                        th scope="col" { "trial" } th scope="col" { "progress" } th scope="col" { "" }
                        @if let Some(metric) = &run.headline { th scope="col" { (metric) } }
                        th scope="col" { "for" } th scope="col" { "left" } th scope="col" { "attempt" } th scope="col" { "on" }
                    }
                }
                tbody {
                    @for (trial, attempt) in going().take(MOST_LISTED) {
                        tr {
                            th scope="row" { (trial_link(&name, trial)) }
                            (progress(attempt, &trial.id.0))
                            @if run.headline.is_some() {
                                td { @if let Some(value) = trial.latest { (format!("{value:.4}")) } }
                            }
                            td { (since(attempt)) }
                            td { @if let Some(left) = attempt.left { "about " (duration(left)) } }
                            td { (trial.attempts) }
                            td { (place(attempt)) }
                        }
                    }
                }
            }
        }
        @if more > 0 { p.notes { "and " (more) " more" } }
    }
}

/// Two cells: words and a bar.
fn progress(attempt: &ActiveView, trial: &str) -> Markup {
    html! {
        @match (&attempt.progress, attempt.step) {
            (Some((phase, step, of)), _) => {
                @let words = format!("{phase} {step}/{of}");
                td { (words) } td { (super::bar(*step, *of, &format!("{trial}: {words}"))) }
            }
            (None, Some(step)) => { td { "step " (step) } td {} }
            (None, None) => { td { "has reported no step yet" } td {} }
        }
    }
}

fn since(attempt: &ActiveView) -> String {
    let time = clock::now_ms().saturating_sub(attempt.started_ms);
    duration(Duration::from_millis(u64::try_from(time).unwrap_or(0)))
}

/// The host, the GPUs, and the device in the worker's words.
fn place(attempt: &ActiveView) -> String {
    let parts = attempt.host.iter().chain(&attempt.gpus).chain(&attempt.device);
    parts.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn report_parts(run: &str, report: Report) -> Vec<Part> {
    let report = match report {
        Ok(Some(report)) => report,
        Ok(None) => {
            let waits = html! { p.notes { "The report is being drawn." } };
            return vec![Part::section("table", "Results so far", &waits)];
        }
        Err(problem) => {
            let failed = html! { p.warning { "The report cannot be drawn: " (problem) } };
            return vec![Part::section("table", "Results so far", &failed)];
        }
    };
    let report = &report.value;
    let mut parts = Vec::new();
    if let Some(table) = &report.table {
        let table = html! { div.wide { (PreEscaped(table)) } };
        parts.push(Part::section("table", "Results so far", &table));
    }
    if let Some(claims) = &report.claims {
        let claims = html! { (PreEscaped(claims)) };
        parts.push(Part::section("claims", "Claims so far", &claims));
    }
    if !report.figures.is_empty() || !report.problems.is_empty() {
        parts.push(Part::section("figures", "Figures so far", &figures(run, report)));
    }
    parts
}

fn figures(run: &str, report: &LiveReport) -> Markup {
    html! {
        div.figures { @for drawn in &report.figures { (figure(run, drawn)) } }
        (problems(&report.problems))
    }
}

/// The drawings of curves are a part of the page; images are files, which it loads.
fn figure(run: &str, figure: &LiveFigure) -> Markup {
    html! {
        figure .sheet[figure.is_wide] {
            @if figure.has_images() {
                @let version = hash::sha256(&figure.svg);
                @let address = link::path(&["runs", run, "figures", &format!("{}.svg", figure.name)]);
                img src={ (address) "?v=" (hash::short(&version, 16)) } alt=(figure.title) loading="lazy";
            } @else {
                (PreEscaped(&figure.svg))
            }
            figcaption { code { (figure.name) } }
        }
    }
}

/// What is not drawn, and why.
pub(super) fn problems(problems: &[String]) -> Markup {
    html! {
        @if !problems.is_empty() {
            h3 { "Not drawn" }
            ul.notes { @for problem in problems { li { (problem) } } }
        }
    }
}
