//! `report.html`: one page that needs nothing else.

use experiments::schema::claim::Claim;
use experiments::schema::report::{Bars, Figure, Report};
use reports::write;

use crate::fixtures::{records, table, three_seeds, trial, variant};

fn page(figures: Vec<Figure>) -> String {
    let out = tempfile::tempdir().unwrap();
    let mut records = three_seeds();
    "Cos <script>alert(1)</script>".clone_into(&mut records.variants[2].label);
    let compare = "cos.psnr > sr3.psnr".parse().unwrap();
    let claims = vec![Claim { claim: "A & B".to_owned(), compare }];
    let report = Report { table: Some(table()), claims, figures, design: None };
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
    assert!(page.contains("<figure><svg viewBox=\"0 0 ") && page.contains("A &quot;title&quot;"));
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
