//! The parts of a page that shows a run while it goes on.

use experiments::schema::claim::Claim;
use experiments::schema::report::{Bars, Figure, Report};
use reports::live::{self, LiveReport};
use reports::write;

use crate::fixtures::{table, three_seeds};
use crate::sheets::{images, sampled};

fn report() -> Report {
    let bars = |name: &str, metric: &str| {
        let (name, metric) = (name.to_owned(), metric.to_owned());
        Figure::Bars(Bars { name, metric, title: "A \"title\"".to_owned(), ..Bars::default() })
    };
    let compare = "cos.psnr > sr3.psnr".parse().unwrap();
    Report {
        table: Some(table()),
        claims: vec![Claim { claim: "A & <b>".to_owned(), compare }],
        figures: vec![bars("psnr", "psnr"), bars("none", "none"), Figure::Images(images("sheet"))],
        ..Report::default()
    }
}

fn drawn(folder: &std::path::Path) -> LiveReport {
    let mut records = three_seeds();
    "Cos <script>".clone_into(&mut records.variants[2].label);
    records.variants.extend(sampled(folder).variants);
    live::draw(&report(), &records).unwrap()
}

#[test]
fn the_parts_are_those_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = three_seeds();
    records.variants.extend(sampled(folder.path()).variants);
    let live = live::draw(&report(), &records).unwrap();
    let out = tempfile::tempdir().unwrap();
    let written = write(&report(), &records, out.path()).unwrap();
    let page = fs_err::read_to_string(out.path().join("report.html")).unwrap();
    for part in live.table.iter().chain(&live.claims) {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(live.problems, written.problems);
    let names: Vec<_> = live.figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["psnr", "sheet"]);
    for figure in &live.figures {
        assert!(page.contains(&figure.svg), "{}", figure.name);
    }
    assert_eq!(
        live.figures.iter().map(live::LiveFigure::has_images).collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn text_is_escaped_and_a_strict_policy_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let live = drawn(folder.path());
    let table = live.table.unwrap();
    assert!(table.contains("Cos &lt;script&gt;") && !table.contains("<script"), "{table}");
    assert!(live.claims.unwrap().contains("A &amp; &lt;b&gt;"));
    // Those with images are documents of their own.
    let within = live.figures.iter().filter(|figure| !figure.has_images());
    let svgs: String = within.map(|figure| figure.svg.as_str()).collect();
    for of_document in [" style=", "<style", "<script", " onload="] {
        assert!(!svgs.contains(of_document) && !table.contains(of_document), "{of_document}");
    }
}

#[test]
fn a_figure_with_images_is_a_file_with_its_own_colours() {
    let folder = tempfile::tempdir().unwrap();
    let live = drawn(folder.path());
    let file = live.figures.iter().find(|figure| figure.has_images()).unwrap().file();
    let document = roxmltree::Document::parse(&file).unwrap();
    let style = document
        .descendants()
        .find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "style")));
    let style = style.unwrap().text().unwrap();
    assert!(
        style.contains("--ink:#222222") && style.contains("prefers-color-scheme: dark"),
        "{style}"
    );
}
