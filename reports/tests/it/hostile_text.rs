//! Texts of a file or a worker that mean something to the program that shows a report.

use experiments::schema::claim::Claim;
use experiments::schema::report::{Column, Figure, Report, Table};
use reports::write;

use crate::figures::{curve, trained};
use crate::fixtures::{column, records, table, variant};

/// Every character that XML forbids and YAML or JSON can express, among others.
const CONTROLS: &str = "SR3 \u{0}\u{7}\u{8}\u{b}\u{1b}[31m\u{1f}\u{fffe}\u{ffff}|\t\u{7f}é";

/// The files of a report in which every text is `text`.
fn report_of(text: &str) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut records = records(vec![variant("sr3", text, vec![trained(0, &[(0, 1.0), (9, 2.0)])])]);
    text.clone_into(&mut records.caption);
    let columns = vec![Column { label: Some(text.to_owned()), ..column("psnr") }];
    let table = Table { title: text.to_owned(), notes: vec![text.to_owned()], columns, ..table() };
    let mut curve = curve("psnr");
    text.clone_into(&mut curve.title);
    let compare = "sr3.psnr best".parse().unwrap();
    let claims = vec![Claim { claim: text.to_owned(), compare }];
    let figures = vec![Figure::Curve(curve)];
    let report = Report { table: Some(table), claims, figures, ..Report::default() };
    let written = write(&report, &records, out.path()).unwrap();
    assert!(written.problems.is_empty(), "{:?}", written.problems);
    out
}

#[test]
fn a_control_character_is_drawn_as_a_box_and_every_figure_is_xml() {
    let out = report_of(CONTROLS);
    let read = |name: &str| fs_err::read_to_string(out.path().join(name)).unwrap();
    roxmltree::Document::parse(&read("figures/psnr.svg")).unwrap();
    let page = read("report.html");
    let drawing = &page[page.find("<svg").unwrap()..page.find("</svg>").unwrap() + "</svg>".len()];
    roxmltree::Document::parse(drawing).unwrap();
    let is_forbidden = |c: char| c.is_ascii_control() && !"\t\n\r\u{7f}".contains(c);
    assert!(!page.contains(is_forbidden) && page.contains("SR3 □□□□□[31m□□□|"), "{page}");
}

#[test]
fn markdown_shows_every_text_as_it_is() {
    let out = report_of("a | b <img src=x> `c` [d](https://example.org) **e**\n# f");
    let escaped = "a \\| b &lt;img src=x> \\`c\\` [d\\](https://example.org) \\*\\*e\\*\\* # f";
    for (file, times) in [("table1.md", 5), ("claims.md", 1)] {
        let text = fs_err::read_to_string(out.path().join(file)).unwrap();
        assert_eq!(text.matches(escaped).count(), times, "{file}:\n{text}");
        assert_eq!(text.matches("example.org").count(), times, "{file}:\n{text}");
    }
}

#[test]
fn a_label_that_begins_like_a_formula_is_text_in_a_spreadsheet() {
    let out = report_of("=HYPERLINK(1)");
    let csv = fs_err::read_to_string(out.path().join("table1.csv")).unwrap();
    assert!(csv.contains("\nsr3,'=HYPERLINK(1),1,1,"), "{csv}");
}
