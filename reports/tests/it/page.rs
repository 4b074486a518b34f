//! `report.html`: one page that needs nothing else.

use std::collections::BTreeSet;

use experiments::schema::claim::Claim;
use experiments::schema::report::{Bars, Figure, Report};
use reports::records::{Records, RunFacts};
use reports::write;

use crate::fixtures::{records, table, three_seeds, trial, variant};

fn page(figures: Vec<Figure>) -> String {
    let out = tempfile::tempdir().unwrap();
    let mut records = three_seeds();
    "Cos <script>alert(1)</script>".clone_into(&mut records.variants[2].label);
    let compare = "cos.psnr > sr3.psnr".parse().unwrap();
    let claims = vec![Claim { claim: "A & B".to_owned(), compare }];
    let report = Report { table: Some(table()), claims, figures, ..Report::default() };
    write(&report, &records, out.path()).unwrap();
    fs_err::read_to_string(out.path().join("report.html")).unwrap()
}

fn bars(name: &str, metric: &str) -> Figure {
    let (name, metric) = (name.to_owned(), metric.to_owned());
    Figure::Bars(Bars { name, metric, title: "A \"title\"".to_owned(), ..Bars::default() })
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page(vec![bars("psnr", "psnr"), bars("none", "none")]);
    assert!(!page.contains("<script") && page.contains("Cos &lt;script&gt;"));
    let links = page.split(['"', '(']).filter(|part| part.contains("://"));
    let links: Vec<&str> = links.filter(|link| *link != "http://www.w3.org/2000/svg").collect();
    assert_eq!(links, [""; 0]);
    for source in page.split("src=\"").skip(1) {
        assert!(source.starts_with("data:"), "{}", &source[..40]);
    }
    assert!(
        page.contains("<figure><svg role=\"img\" aria-label=\"")
            && page.contains("A &quot;title&quot;")
    );
    assert!(page.contains("<strong>not resolved at this n</strong>: A &amp; B"), "the claim");
    assert!(page.contains("no final `none` yet"), "what is not drawn is named");
}

#[test]
fn every_colour_of_a_drawing_follows_the_page() {
    let page = page(vec![bars("psnr", "psnr")]);
    let (_, drawing) = page.split_once("<svg").unwrap();
    let (drawing, _) = drawing.split_once("</svg>").unwrap();
    assert!(drawing.contains("var(--ink)") && drawing.contains("var(--paper)"));
    let fixed: Vec<&str> = drawing.split("fill=\"#").skip(1).map(|rest| &rest[..6]).collect();
    assert_eq!(fixed, [""; 0]);
    for variable in drawing.split("var(").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert_eq!(page.matches(&format!("{variable}:#")).count(), 2, "{variable}: light and dark");
    }
}

#[test]
fn links_lead_to_files_of_the_report() {
    let out = tempfile::tempdir().unwrap();
    let records = records(vec![variant("a", "A", vec![trial(0, &[("psnr", 20.0)])])]);
    let report =
        Report { table: Some(table()), figures: vec![bars("psnr", "psnr")], ..Report::default() };
    write(&report, &records, out.path()).unwrap();
    let page = fs_err::read_to_string(out.path().join("report.html")).unwrap();
    let links: Vec<&str> =
        page.split("href=\"").skip(1).map(|r| r.split('"').next().unwrap()).collect();
    let files: Vec<&&str> = links.iter().filter(|link| !link.starts_with("data:")).collect();
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        assert!(out.path().join(file).is_file(), "{file}");
    }
    assert!(links.iter().any(|link| link.starts_with("data:text/csv;base64,")));
}

#[test]
fn the_head_names_the_run_and_every_value_its_trials() {
    let out = tempfile::tempdir().unwrap();
    let run = RunFacts {
        description: "Does it & help?".to_owned(),
        command: "orch run a.yaml --set x=1".to_owned(),
        commit: "0123456789ab, with changes".to_owned(),
        date: "2026-11-29 20:07 UTC".to_owned(),
        machine: String::new(),
    };
    let origins = [("trial-s1".to_owned(), "attempt 2, host \"a\"".to_owned())].into();
    let records = Records { run, origins, ..three_seeds() };
    let report = Report { table: Some(table()), ..Report::default() };
    write(&report, &records, out.path()).unwrap();
    let page = fs_err::read_to_string(out.path().join("report.html")).unwrap();
    let (head, rest) = page.split_once("<main>").unwrap();
    for text in [
        "<p>Does it &amp; help?</p>",
        "<dt>Command</dt><dd><code>orch run a.yaml --set x=1</code></dd>",
        "<dt>Commit</dt><dd>0123456789ab, with changes</dd>",
        "<dt>Date</dt><dd>2026-11-29 20:07 UTC</dd>",
    ] {
        assert!(head.contains(text), "no `{text}` in {head}");
    }
    assert!(!head.contains("Machine"), "what is not known is left out");
    let line = "seed 1: 20 by trial-s1, attempt 2, host &quot;a&quot;";
    assert!(
        rest.contains(&format!("<p>{line}</p>")) && rest.contains(&format!("&#10;{line}&#10;"))
    );
    // Every popover has its button.
    let ids = |start: &str| -> Vec<String> {
        let ids = page.split(start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        ids.collect()
    };
    let (targets, popovers) = (ids("popovertarget=\""), ids("<div popover id=\""));
    assert!(targets.len() > 8, "{targets:?}");
    assert_eq!(targets, popovers);
    assert_eq!(targets.iter().collect::<BTreeSet<_>>().len(), targets.len());
}
