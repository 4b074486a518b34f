//! Sheets of images, judged by their pixels.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use experiments::schema::report::{Figure, Images};
use experiments::schema::step::StepSelector;
use reports::records::{Artifact, Records, Trial};
use reports::{Written, write};
use resvg::tiny_skia::{Color, Pixmap};

use crate::figures::report;
use crate::fixtures::{records, trial, variant};
use crate::pixels::{Rgb, at, decode};

const BLUE: Rgb = (0, 0, 200);
const RED: Rgb = (200, 0, 0);
const GREEN: Rgb = (0, 200, 0);
const NAVY: Rgb = (0, 0, 100);
const SAND: Rgb = (230, 220, 120);

pub(crate) fn images(name: &str) -> Images {
    Images {
        name: name.to_owned(),
        title: String::new(),
        artifact: "sample".to_owned(),
        above: [("low".to_owned(), "Low".to_owned())].into(),
        below: [].into(),
        variants: Vec::new(),
        steps: Vec::new(),
        items: 2,
        size: None,
    }
}

fn write_png(path: &Path, side: u32, pixels: &[Rgb]) {
    let mut pixmap = Pixmap::new(side, side).unwrap();
    for (pixel, (r, g, b)) in pixmap.pixels_mut().iter_mut().zip(pixels) {
        *pixel = Color::from_rgba8(*r, *g, *b, 255).premultiply().to_color_u8();
    }
    fs_err::write(path, pixmap.encode_png().unwrap()).unwrap();
}

/// One variant with two samples of 2 by 2 pixels at step 5, an older one, and one low-resolution
/// picture of a single pixel.
pub(crate) fn sampled(folder: &Path) -> Records {
    write_png(&folder.join("a.png"), 2, &[RED, GREEN, NAVY, SAND]);
    write_png(&folder.join("b.png"), 2, &[SAND; 4]);
    write_png(&folder.join("old.png"), 2, &[BLUE; 4]);
    write_png(&folder.join("low.png"), 1, &[RED]);
    let artifact = |name: &str, item: &str, step, file: &str| Artifact {
        name: name.to_owned(),
        item: Some(item.to_owned()),
        step,
        path: folder.join(file),
    };
    let artifacts = vec![
        artifact("sample", "0", 1, "old.png"),
        artifact("low", "0", 5, "low.png"),
        artifact("sample", "0", 5, "a.png"),
        artifact("sample", "1", 5, "b.png"),
    ];
    records(vec![variant("sr3", "SR3", vec![Trial { artifacts, ..trial(0, &[]) }])])
}

/// Columns of a row of pixels as runs of one colour, white left out.
fn runs(pixmap: &Pixmap, y: u32) -> Vec<(Rgb, usize)> {
    let mut runs: Vec<(Rgb, usize)> = Vec::new();
    for x in 0..pixmap.width() {
        let colour = at(pixmap, x, y);
        match runs.last_mut() {
            Some((last, length)) if *last == colour => *length += 1,
            _ => runs.push((colour, 1)),
        }
    }
    runs.retain(|(colour, length)| *colour != (255, 255, 255) && *length > 20);
    runs
}

#[test]
fn a_sheet_enlarges_every_pixel_to_a_square() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    let written =
        write(&report(vec![Figure::Images(images("sheet"))]), &records, folder.path()).unwrap();
    assert_eq!(written.problems, Vec::<String>::new());

    // Two rows of cells, 192 pixels a side; 12 layout pixels above, 3 between, at twice the size.
    let sheet = decode(&folder.path().join("figures/sheet.png"));
    assert_eq!(sheet.height(), 2 * (12 + 96 + 3 + 96 + 12));
    let empty = (0xf0, 0xf0, 0xf0);
    assert_eq!(runs(&sheet, 24), [(RED, 192), (empty, 192)], "one low-resolution picture");
    assert_eq!(runs(&sheet, 24 + 191), [(RED, 192), (empty, 192)]);
    assert_eq!(runs(&sheet, 222), [(RED, 96), (GREEN, 96), (SAND, 192)], "only the last step's");
    assert_eq!(runs(&sheet, 222 + 95), [(RED, 96), (GREEN, 96), (SAND, 192)]);
    assert_eq!(runs(&sheet, 222 + 96), [(NAVY, 96), (SAND, 96), (SAND, 192)]);
}

#[test]
fn a_sheet_has_its_pictures_in_the_svg_and_their_places_in_the_records_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    write(&report(vec![Figure::Images(images("sheet"))]), &records, folder.path()).unwrap();
    let read = |path: &str| fs_err::read_to_string(folder.path().join(path)).unwrap();
    let svg = read("figures/sheet.svg");
    for file in ["low.png", "a.png", "b.png"] {
        let whole = STANDARD.encode(fs_err::read(folder.path().join(file)).unwrap());
        assert_eq!(svg.matches(&whole).count(), 1, "{file}, byte for byte");
    }
    assert!(!svg.contains("<text"), "words are outlines");
    let rows = [
        "row,trial,artifact,item,step",
        "Low,trial-s0,low,0,5",
        "SR3,trial-s0,sample,0,5",
        "SR3,trial-s0,sample,1,5",
    ];
    assert_eq!(read("data/sheet.csv").lines().collect::<Vec<_>>(), rows);
}

#[test]
fn a_sheet_shows_the_steps_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    let empty = (0xf0, 0xf0, 0xf0);
    // Steps 1 and 5 are recorded: 30 % of the way is before step 2.
    for steps in [
        [StepSelector::Step(1), StepSelector::Step(5)],
        [StepSelector::Share(0.3), StepSelector::Share(1.0)],
    ] {
        let figure = Images { steps: steps.to_vec(), above: [].into(), ..images("sheet") };
        write(&report(vec![Figure::Images(figure)]), &records, folder.path()).unwrap();
        let sheet = decode(&folder.path().join("figures/sheet.png"));
        assert_eq!(runs(&sheet, 24), [(BLUE, 192), (empty, 192)], "of step 1 there is one picture");
        assert_eq!(runs(&sheet, 222), [(RED, 96), (GREEN, 96), (SAND, 192)], "step 5");
    }
    for step in [StepSelector::Step(3), StepSelector::Share(0.1)] {
        let figure = Images { steps: vec![step], ..images("sheet") };
        let figures = vec![Figure::Images(figure)];
        let problems = write(&report(figures), &records, folder.path()).unwrap().problems;
        assert_eq!(problems, ["figure `sheet`: no image `sample` yet"]);
    }
}

#[test]
fn a_broken_image_is_named_and_leaves_its_cell_empty() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    fs_err::write(folder.path().join("b.png"), "not a picture").unwrap();
    fs_err::remove_file(folder.path().join("low.png")).unwrap();
    let figures = vec![Figure::Images(images("sheet"))];
    let Written { problems, files, .. } = write(&report(figures), &records, folder.path()).unwrap();
    assert_eq!(files.len(), 6 + 5 + 1);
    let csv = fs_err::read_to_string(folder.path().join("data/sheet.csv")).unwrap();
    assert_eq!(csv.lines().count(), 2, "only what is shown: {csv}");
    assert!(problems[0].contains("low.png"), "{problems:?}");
    assert!(problems[1].contains("b.png") && problems[1].contains("not a PNG"), "{problems:?}");
}

/// The first bytes of a PNG of `side` pixels a side, all that is needed to know how large it is.
fn beginning_of_a_png(side: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    header.extend([8, 6, 0, 0, 0]);
    let checksum = crc32fast::hash(&header).to_be_bytes();
    let data = [b"IDAT".as_slice(), &crc32fast::hash(b"IDAT").to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &header, &checksum, &[0; 4], &data].concat()
}

#[test]
fn images_that_are_too_large_are_named_and_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    let path = |name: &str| folder.path().join(name);
    fs_err::write(path("a.png"), beginning_of_a_png(30_000)).unwrap();
    fs_err::File::create(path("b.png")).unwrap().set_len(3_000_000_000).unwrap();
    fs_err::remove_file(path("low.png")).unwrap();
    assert!(Command::new("mkfifo").arg(path("low.png")).status().unwrap().success());
    let figures = vec![Figure::Images(images("sheet"))];
    let Written { problems, files, .. } = write(&report(figures), &records, folder.path()).unwrap();
    let expected = [
        ("low.png", ", not a regular file"),
        ("a.png", "has 30000×30000 pixels, more than the 33554432"),
        ("b.png", "it is larger than 128 MiB"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for ((file, reason), problem) in expected.into_iter().zip(&problems) {
        assert!(problem.contains(file) && problem.contains(reason), "{problem}");
    }
    assert_eq!(files.len(), 6 + 5 + 1, "the sheet is drawn, with empty cells");
}

#[test]
fn a_sheet_that_would_be_too_large_is_a_problem_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    let tall = Pixmap::new(1, 1_000_000).unwrap();
    fs_err::write(folder.path().join("a.png"), tall.encode_png().unwrap()).unwrap();
    let others = images("others");
    let figures = vec![
        Figure::Images(images("sheet")),
        Figure::Images(Images { artifact: "low".to_owned(), above: [].into(), ..others }),
    ];
    let Written { problems, .. } = write(&report(figures), &records, folder.path()).unwrap();
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(problem.contains("`sheet`") && problem.contains("2000054 pixels"), "{problem}");
    assert!(folder.path().join("figures/others.png").exists());
    assert!(!folder.path().join("figures/sheet.png").exists());
}
