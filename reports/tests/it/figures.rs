//! Behaviour that all kinds of figures share.

use std::collections::BTreeMap;

use experiments::schema::report::{Bars, Curve, Figure, Reference, Report, TablePicture};
use reports::records::Trial;
use reports::{ReportError, write};
use resvg::tiny_skia::{Color, Pixmap};

use crate::fixtures::{records, series, table, three_seeds, trial, unfinished, variant};
use crate::pixels::{at, decode};
use crate::sheets::{images, sampled};

pub(crate) fn curve(name: &str) -> Curve {
    Curve {
        name: name.to_owned(),
        title: "Loss & PSNR".to_owned(),
        metric: "val/psnr".to_owned(),
        ..Curve::default()
    }
}

pub(crate) fn report(figures: Vec<Figure>) -> Report {
    Report { table: Some(table()), figures, ..Report::default() }
}

pub(crate) fn trained(seed: u64, points: &[(u64, f64)]) -> Trial {
    let series = BTreeMap::from([("val/psnr".to_owned(), series(points, &[]))]);
    Trial { series, ..trial(seed, &[("psnr", 5.0)]) }
}

#[test]
fn an_svg_needs_no_font() {
    let out = tempfile::tempdir().unwrap();
    let records = records(vec![variant("sr3", "SR3 <&>", vec![trained(0, &[(0, 1.0), (9, 2.0)])])]);
    write(&report(vec![Figure::Curve(curve("psnr"))]), &records, out.path()).unwrap();
    let svg = fs_err::read_to_string(out.path().join("figures/psnr.svg")).unwrap();
    assert!(!svg.contains("<text") && !svg.contains("font-family"));

    // Drawn by a renderer without any font, it still shows the words: the title's ink is there.
    let tree = resvg::usvg::Tree::from_str(&svg, &resvg::usvg::Options::default()).unwrap();
    let size = tree.size().to_int_size();
    let mut pixmap = Pixmap::new(size.width(), size.height()).unwrap();
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, resvg::tiny_skia::Transform::default(), &mut pixmap.as_mut());
    let dark = |y: u32| (0..pixmap.width()).filter(|x| at(&pixmap, *x, y).0 < 0x80).count();
    assert!((5..24).map(dark).sum::<usize>() > 100, "the title has no ink");
}

#[test]
fn two_reports_of_the_same_records_are_the_same_bytes() {
    let images_folder = tempfile::tempdir().unwrap();
    let mut records = three_seeds();
    records.variants.extend(sampled(images_folder.path()).variants);
    let points: Vec<(u64, f64)> = (0..40).map(|i| (i * 25, f64::from(i as u32).sqrt())).collect();
    records.variants[1].trials[0] = trained(0, &points);
    let bars = Bars { name: "bars".to_owned(), metric: "psnr".to_owned(), ..Bars::default() };
    let figures =
        vec![Figure::Curve(curve("psnr")), Figure::Images(images("sheet")), Figure::Bars(bars)];
    let bytes = || {
        let out = tempfile::tempdir().unwrap();
        let written = write(&report(figures.clone()), &records, out.path()).unwrap();
        assert_eq!(written.files.len(), 6 + 5 + 5 + 5 + 1);
        written.files.iter().map(|file| fs_err::read(file).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_row_whose_seeds_share_no_finite_point_is_named() {
    let out = tempfile::tempdir().unwrap();
    let whole = variant("a", "A", vec![trained(0, &[(1, 1.0), (2, 2.0)])]);
    let (one, other) = ([(1, 1.0), (2, f64::NAN)], [(1, f64::NAN), (2, 2.0)]);
    let hot = variant("hot", "Hot", vec![trained(0, &one), trained(1, &other)]);
    let records = records(vec![whole, hot]);
    let problems = |figure| write(&report(vec![figure]), &records, out.path()).unwrap().problems;
    let said =
        "figure `psnr`: Hot has no line: at no step has every seed a finite value of `val/psnr`";
    assert_eq!(problems(Figure::Curve(curve("psnr"))), [said]);
    assert!(out.path().join("figures/psnr.svg").exists());
    let alone = Curve { variants: vec!["hot".to_owned()], ..curve("psnr") };
    assert_eq!(problems(Figure::Curve(alone)), [said]);
}

#[test]
fn seeds_that_are_left_out_are_marked_wherever_the_number_stands() {
    let out = tempfile::tempdir().unwrap();
    let hot = [
        trial(0, &[("psnr", 5.0)]),
        trial(1, &[("psnr", f64::NAN)]),
        unfinished(2, "failed (crashed)"),
    ];
    let records = records(vec![
        variant("a", "A", (0..3).map(|seed| trial(seed, &[("psnr", 4.0)])).collect()),
        variant("hot", "Hot", hot.into()),
    ]);
    let bars = Bars { name: "bars".to_owned(), metric: "psnr".to_owned(), ..Bars::default() };
    write(&report(vec![Figure::Bars(bars)]), &records, out.path()).unwrap();
    let read = |file: &str| fs_err::read_to_string(out.path().join(file)).unwrap();
    let values = read(&format!("{}-values.tex", table().name));
    let of = |row: &str| {
        let start = format!("orch@{row}@psnr\\endcsname");
        values.lines().find(|line| line.contains(&start)).unwrap().to_owned()
    };
    assert!(of("hot").ends_with("$^\\dagger$$^\\ddagger$}"), "{}", of("hot"));
    assert!(!of("a").contains("dagger"), "{}", of("a"));
    let caption = read("captions/bars.tex");
    assert!(caption.contains("without seeds that have no finite value"), "{caption}");
    assert!(caption.contains("not all seeds have finished"), "{caption}");
}

#[test]
fn a_figure_without_records_is_a_sentence_and_removes_its_old_picture() {
    let out = tempfile::tempdir().unwrap();
    let old = out.path().join("figures/psnr.png");
    fs_err::create_dir_all(out.path().join("figures")).unwrap();
    fs_err::write(&old, "an older report's").unwrap();
    fs_err::write(out.path().join("figures/mine.png"), "not ours").unwrap();

    let reference = Some(Reference { variant: "vae".to_owned(), metric: "psnr".to_owned() });
    let figures =
        vec![Figure::Curve(Curve { reference, ..curve("psnr") }), Figure::Images(images("sheet"))];
    let written = write(&report(figures), &three_seeds(), out.path()).unwrap();
    assert_eq!(
        written.problems,
        [
            "figure `psnr`: no value of `psnr` for the reference `vae` yet",
            "figure `psnr`: no records of `val/psnr` yet",
            "figure `sheet`: no image `sample` yet",
        ]
    );
    assert_eq!(written.files.len(), 7, "the table comes out all the same");
    assert!(!old.exists() && out.path().join("figures/mine.png").exists());
    assert_eq!(fs_err::read_dir(out.path()).unwrap().count(), 8, "no temporary file is left");
}

#[test]
fn names_that_leave_the_folder_or_collide_are_refused() {
    let out = tempfile::tempdir().unwrap();
    for name in ["../psnr", "a/b", "", ".hidden", "a.b", "größe", "-a"] {
        let figures = vec![Figure::Curve(curve(name))];
        let error = write(&report(figures), &three_seeds(), out.path()).unwrap_err();
        assert!(matches!(error, ReportError::Name(n) if n == name));
    }
    let figures = vec![Figure::Curve(curve("a")), Figure::Images(images("a"))];
    let error = write(&report(figures), &three_seeds(), out.path()).unwrap_err();
    assert!(matches!(error, ReportError::DuplicateName(n) if n == "a"));
    assert_eq!(fs_err::read_dir(out.path()).unwrap().count(), 0);
}

/// The count of dark pixels in a row of pixels: a rule, or text.
fn ink(pixmap: &Pixmap, y: u32) -> usize {
    (0..pixmap.width()).filter(|x| at(pixmap, *x, y).0 < 0x60).count()
}

#[test]
fn the_table_as_a_picture_has_its_rules_its_words_and_its_numbers() {
    let out = tempfile::tempdir().unwrap();
    let picture = |columns: &[&str]| {
        let columns = columns.iter().map(|metric| (*metric).to_owned()).collect();
        let spec = TablePicture {
            name: "table".to_owned(),
            title: "Title".to_owned(),
            columns,
            size: None,
        };
        let report = Report {
            table: Some(table()),
            figures: vec![Figure::Table(spec)],
            ..Report::default()
        };
        let written = write(&report, &three_seeds(), out.path()).unwrap();
        assert_eq!(written.problems, Vec::<String>::new());
        decode(&out.path().join("figures/table.png"))
    };
    let whole = picture(&[]);
    // Two rules, above and below, run across the table, and no line of text is as dark.
    let widest = (0..whole.height()).map(|y| ink(&whole, y)).max().unwrap_or_default();
    let rules = (0..whole.height()).filter(|y| ink(&whole, *y) == widest);
    let rules: Vec<_> = rules.collect();
    let thick = 4;
    assert!(widest > 400 && rules.len() <= 2 * thick, "{widest}: {rules:?}");
    assert!(rules[rules.len() - 1] - rules[0] > 150, "{rules:?}");
    let one = picture(&["psnr"]);
    assert!(one.width() < whole.width(), "fewer columns are narrower");
    let csv = fs_err::read_to_string(out.path().join("data/table.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with("psnr_n,psnr_paper"), "{csv}");
}
