//! `report.html`: the whole report on one page that needs nothing else, no network and no script.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use experiments::schema::report::{Figure, Report};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::claims::{JudgedClaim, details, method};
use crate::figures::{THEME, paths, themed};
use crate::files::Files;
use crate::records::{Records, RunFacts};
use crate::table::{Table, displayable};

/// The page's style sheet, with its colours and those of drawings as variables.
pub(crate) fn style() -> String {
    colours() + include_str!("page.css")
}

/// The content of the page, pictures excepted.
pub(crate) struct Content<'a> {
    pub(crate) report: &'a Report,
    pub(crate) records: &'a Records,
    pub(crate) table: Option<&'a Table>,
    pub(crate) claims: &'a [JudgedClaim],
    /// A sentence for each thing that could not be drawn.
    pub(crate) problems: &'a [String],
}

/// The page, with the pictures that are in `files`.
pub(crate) fn page(content: &Content, files: &Files) -> String {
    let Content { report, records, table, claims, problems } = *content;
    let title = match &records.profile {
        Some(profile) => format!("{} ({profile})", records.experiment),
        None => records.experiment.clone(),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(style())) }
            }
            body {
                header {
                    h1 { (title) }
                    @if !records.run.description.is_empty() { p { (records.run.description) } }
                    // A table shows the caption itself.
                    @if table.is_none() && !records.caption.is_empty() { p { (records.caption) } }
                    (facts(&records.run))
                }
                main {
                    @if let Some(table) = table { (results(table, &records.origins)) }
                    @if !claims.is_empty() { (verdicts(claims, &records.claim_notes_beside_table(report))) }
                    @if !report.figures.is_empty() { (figures(&report.figures, problems, files)) }
                    (run_summary(records))
                }
            }
        }
    };
    displayable(&page.into_string()).into_owned() + "\n"
}

/// A page of records has no script, loads nothing from elsewhere and sends nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'";

fn facts(run: &RunFacts) -> Markup {
    let facts = [
        ("Command", &run.command),
        ("Commit", &run.commit),
        ("Date", &run.date),
        ("Machine", &run.machine),
    ];
    html! {
        dl.facts {
            @for (name, text) in facts.into_iter().filter(|(_, text)| !text.is_empty()) {
                dt { (name) }
                dd { @if name == "Command" { code { (text) } } @else { (text) } }
            }
        }
    }
}

fn results(table: &Table, origins: &BTreeMap<String, String>) -> Markup {
    html! {
        section {
            h2 { "Results" }
            p.notes { "Hover over a value, or press it, for the trials that it comes from." }
            div.wide { (PreEscaped(table.html(origins))) }
            p.downloads {
                @for (name, extension) in
                    [("CSV", "csv"), ("JSON", "json"), ("LaTeX", "tex"), ("Markdown", "md")]
                {
                    a href={ (table.name) "." (extension) } { (name) } " "
                }
                @if table.baseline.is_some() {
                    a href={ (table.name) "-against.csv" } { "comparisons as CSV" } " "
                    a href={ (table.name) "-against.tex" } { "as LaTeX" } " "
                }
            }
        }
    }
}

fn verdicts(claims: &[JudgedClaim], notes: &[String]) -> Markup {
    html! {
        section {
            h2 { "Claims" }
            (verdict_list(claims, notes))
            p.downloads {
                @for (name, extension) in [("JSON", "json"), ("LaTeX", "tex"), ("Markdown", "md")] {
                    a href={ "claims." (extension) } { (name) } " "
                }
            }
        }
    }
}

/// Every claim with its verdict, its evidence, and the method below.
pub(crate) fn verdict_list(claims: &[JudgedClaim], notes: &[String]) -> Markup {
    html! {
        @for judged in claims {
            p.claim { strong { (judged.verdict.words()) } ": " (judged.claim.claim) }
            ul.notes { @for detail in details(judged) { li { (detail) } } }
        }
        p.notes { (method(claims, notes)) }
    }
}

fn figures(figures: &[Figure], problems: &[String], files: &Files) -> Markup {
    html! {
        section {
            h2 { "Figures" }
            div.figures { @for spec in figures { (figure(spec, files)) } }
            @if !problems.is_empty() {
                h3 { "Not drawn" }
                ul { @for problem in problems { li { (problem) } } }
            }
        }
    }
}

/// The drawing is embedded as SVG, so that it follows the page's colours.
fn figure(figure: &Figure, files: &Files) -> Markup {
    let [svg, png, pdf, csv, caption] = paths(figure.name());
    let drawing = files.get(&svg).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let downloads: Vec<(&str, PathBuf)> =
        [("SVG", svg), ("PNG", png), ("PDF", pdf), ("CSV", csv), ("caption", caption)]
            .into_iter()
            .filter(|(_, p)| files.contains(p))
            .collect();
    if downloads.is_empty() {
        return Markup::default();
    }
    html! {
        figure class=[is_wide(figure).then_some("sheet")] {
            @if let Some(svg) = drawing { (PreEscaped(themed(svg, figure.title()))) }
            figcaption {
                code { (figure.name()) } " "
                @for (name, path) in &downloads { (download(name, path, files)) " " }
            }
        }
    }
}

/// True for a figure that takes the whole width of the page.
pub(crate) fn is_wide(figure: &Figure) -> bool {
    matches!(figure, Figure::Images(_) | Figure::Table(_))
}

/// A link to the file beside the page; short data is embedded in the link.
fn download(name: &str, path: &Path, files: &Files) -> Markup {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let is_data = path.extension().is_some_and(|e| e == "csv");
    if let Some(bytes) = files.get(path).filter(|_| is_data) {
        let link = format!("data:text/csv;base64,{}", STANDARD.encode(bytes));
        return html! { a download=(file) href=(link) { (name) } };
    }
    html! { a href=(path.display()) { (name) } }
}

fn run_summary(records: &Records) -> Markup {
    let trials = || records.variants.iter().flat_map(|v| v.trials.iter().map(move |t| (v, t)));
    let finished = trials().filter(|(_, trial)| trial.is_finished()).count();
    html! {
        section {
            h2 { "How it was run" }
            p {
                "Experiment " code { (records.experiment) }
                @if let Some(profile) = &records.profile { ", profile " code { (profile) } }
                ": " (finished) " of " (trials().count()) " trials have finished."
            }
            details {
                summary { "Trials" }
                div.wide {
                    table.trials {
                        thead { tr { th { "trial" } th { "row" } th { "seed" } th { "state" } } }
                        tbody {
                            @for (variant, trial) in trials() {
                                tr {
                                    th scope="row" { code { (trial.id) } }
                                    td { (variant.label) }
                                    td { (trial.seed) }
                                    td { (trial.state.text()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The figures' and the page's colours as variables: light, and dark where a screen asks for it.
pub(crate) fn colours() -> String {
    let light: String =
        THEME.iter().flat_map(|(name, light, _)| ["--", name, ":", light, ";"]).collect();
    let dark: String =
        THEME.iter().flat_map(|(name, _, dark)| ["--", name, ":", dark, ";"]).collect();
    format!(
        ":root{{{light}}}\n\
         @media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
    )
}
