//! Figures, judged by their pixels.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::report::{
    Bars, Curve, Figure, Images, Place, Reference, Report, Scale, TablePicture, X,
};
use reports::records::{Artifact, Records, Trial};
use reports::{ReportError, Written, write};
use resvg::tiny_skia::{Color, Pixmap};

use crate::fixtures::{records, table, three_seeds, trial, variant};

type Rgb = (u8, u8, u8);
const BLUE: Rgb = (0x00, 0x72, 0xb2);
const AXIS: Rgb = (0x99, 0x99, 0x99);
const GRID: Rgb = (0xe6, 0xe6, 0xe6);
const REFERENCE: Rgb = (0x66, 0x66, 0x66);

fn curve(name: &str) -> Curve {
    Curve {
        name: name.to_owned(),
        title: "Loss & PSNR".to_owned(),
        metric: "val/psnr".to_owned(),
        ..Curve::default()
    }
}

fn images(name: &str) -> Images {
    Images {
        name: name.to_owned(),
        title: String::new(),
        artifact: "sample".to_owned(),
        above: [("low".to_owned(), "Low".to_owned())].into(),
        below: [].into(),
        variants: Vec::new(),
        steps: Vec::new(),
        items: 2,
    }
}

fn report(figures: Vec<Figure>) -> Report {
    Report { table: Some(table()), figures, ..Report::default() }
}

fn trained(seed: u64, points: &[(u64, f64)]) -> Trial {
    let series = BTreeMap::from([("val/psnr".to_owned(), points.to_vec())]);
    Trial { series, ..trial(seed, &[("psnr", 5.0)]) }
}

fn decode(path: &Path) -> Pixmap {
    Pixmap::decode_png(&fs_err::read(path).unwrap()).unwrap()
}

fn at(pixmap: &Pixmap, x: u32, y: u32) -> Rgb {
    let pixel = pixmap.pixel(x, y).unwrap();
    (pixel.red(), pixel.green(), pixel.blue())
}

fn near(a: Rgb, b: Rgb) -> bool {
    a.0.abs_diff(b.0) < 8 && a.1.abs_diff(b.1) < 8 && a.2.abs_diff(b.2) < 8
}

/// The plot's rectangle, read off the picture: its lower edge is the row with the most pixels of
/// the axis's colour, its upper edge the first row that is mostly grid.
struct Plot {
    pixmap: Pixmap,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot {
    fn read(path: &Path) -> Self {
        let pixmap = decode(path);
        let columns = |y: u32, colour: Rgb| -> Vec<u32> {
            (0..pixmap.width()).filter(|x| near(at(&pixmap, *x, y), colour)).collect()
        };
        let rows = 0..pixmap.height();
        let bottom = rows.clone().max_by_key(|y| columns(*y, AXIS).len()).unwrap();
        let long = columns(bottom, AXIS).len() / 2;
        let top = rows.clone().find(|y| columns(*y, GRID).len() > long).unwrap();
        // Not the lower edge's ends, for there a tick sticks out.
        let grid = columns(top, GRID);
        let (left, right) = (f64::from(grid[0]), f64::from(*grid.last().unwrap()));
        Self { left, right, top: f64::from(top), bottom: f64::from(bottom), pixmap }
    }

    /// Whether some pixel within two of the place given as shares of the rectangle, from the
    /// lower left, has `colour`.
    fn shows(&self, colour: Rgb, x: f64, y: f64) -> bool {
        let x = (self.left + (self.right - self.left) * x).round() as u32;
        let y = (self.bottom - (self.bottom - self.top) * y).round() as u32;
        (x - 2..=x + 2).any(|x| (y - 2..=y + 2).any(|y| near(at(&self.pixmap, x, y), colour)))
    }
}

#[test]
fn a_line_runs_through_its_points_and_breaks_where_one_is_missing() {
    let out = tempfile::tempdir().unwrap();
    let points = [(0, 0.0), (25, 10.0), (50, 5.0), (75, f64::NAN), (90, 2.0), (100, 2.0)];
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &points)])]);
    write(&report(vec![Figure::Curve(curve("psnr"))]), &records, out.path()).unwrap();

    // Steps span 0 to 100 and values 0 to 10, so shares of the rectangle are easily told.
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    for (x, y) in [(0.125, 0.5), (0.25, 1.0), (0.375, 0.75), (0.5, 0.5), (0.95, 0.2), (1.0, 0.2)] {
        assert!(plot.shows(BLUE, x, y), "no line at {x}, {y}");
    }
    // Neither joined over the gap nor drawn as zero.
    for (x, y) in [(0.7, 0.35), (0.75, 0.0), (0.8, 0.275), (0.125, 0.6)] {
        assert!(!plot.shows(BLUE, x, y), "a line at {x}, {y}");
    }
    let csv = fs_err::read_to_string(out.path().join("data/psnr.csv")).unwrap();
    assert!(csv.contains("sr3,75,,,,,0\n") && csv.contains("sr3,50,5,,5,5,1\n"), "{csv}");
}

#[test]
fn seeds_are_drawn_as_their_mean_with_a_band_and_the_reference_is_dashed() {
    let out = tempfile::tempdir().unwrap();
    let records = records(vec![
        variant("bicubic", "Bicubic", vec![trial(0, &[("psnr", 9.0)])]),
        variant(
            "sr3",
            "SR3",
            vec![trained(0, &[(0, 0.0), (100, 10.0)]), trained(1, &[(0, 0.0), (100, 0.0)])],
        ),
    ]);
    let reference = Some(Reference { variant: "bicubic".to_owned(), metric: "psnr".to_owned() });
    let figure = Figure::Curve(Curve { reference, ..curve("psnr") });
    write(&report(vec![figure]), &records, out.path()).unwrap();

    // At step 100 the mean is 5 and the deviation 7.07: the axis runs from -5 to 15.
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    let share = |value: f64| (value + 5.0) / 20.0;
    assert!(plot.shows(BLUE, 0.5, share(2.5)), "the mean of two seeds at half way");
    // A band of 15 % blue on white.
    let band = (0xd9, 0xea, 0xf3);
    assert!(plot.shows(band, 0.9, share(9.5)) && plot.shows(band, 0.9, share(-0.5)));
    assert!(!plot.shows(band, 0.9, share(13.0)) && !plot.shows(band, 0.2, share(6.0)));
    let dashes = (5..95).filter(|x| plot.shows(REFERENCE, f64::from(*x) / 100.0, share(9.0)));
    let dashes = dashes.count();
    assert!((30..90).contains(&dashes), "{dashes} of 90 places on the dashed line");

    let csv = fs_err::read_to_string(out.path().join("data/psnr.csv")).unwrap();
    assert_eq!(
        csv,
        "variant,step,mean,sd,min,max,n\n\
         sr3,0,0,0,0,0,2\n\
         sr3,100,5,7.0710678118654755,0,10,2\n\
         bicubic,,9,,,,\n"
    );
}

fn csv(figure: Curve, records: &Records) -> Vec<String> {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join(format!("data/{}.csv", figure.name));
    let written = write(&report(vec![Figure::Curve(figure)]), records, out.path()).unwrap();
    assert_eq!(written.problems, Vec::<String>::new());
    fs_err::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn steps_become_images_shares_and_seconds() {
    let mut seeds = vec![
        trained(0, &[(0, 1.0), (50, 2.0), (200, 3.0)]),
        trained(1, &[(0, 3.0), (50, 4.0), (200, 5.0)]),
    ];
    let config = serde_json::json!({"training": {"batch": 8}});
    for (trial, seconds) in seeds.iter_mut().zip([[1.0, 10.0, 40.0], [3.0, 20.0, 60.0]]) {
        trial.config = config.as_object().unwrap().clone();
        trial.seconds = BTreeMap::from([("val/psnr".to_owned(), seconds.to_vec())]);
    }
    let mut records = records(vec![variant("sr3", "SR3", seeds)]);
    let last = |x, records: &Records| {
        let images_per_step = (x == X::Images).then(|| "training.batch".to_owned());
        csv(Curve { x, images_per_step, ..curve("psnr") }, records)[3].clone()
    };
    let spread = "4,1.4142135623730951,3,5,2";
    assert_eq!(last(X::Step, &records), format!("sr3,200,{spread}"));
    assert_eq!(last(X::Share, &records), format!("sr3,200,1,{spread}"));
    assert_eq!(last(X::Images, &records), format!("sr3,200,1600,{spread}"));
    assert_eq!(last(X::Seconds, &records), format!("sr3,200,50,{spread}"));

    records.variants[0].trials[1].seconds.clear();
    let figure = Figure::Curve(Curve { x: X::Seconds, ..curve("psnr") });
    let out = tempfile::tempdir().unwrap();
    let problems = write(&report(vec![figure]), &records, out.path()).unwrap().problems;
    assert_eq!(
        problems,
        ["figure `psnr`: no times of the points of `val/psnr` in `trial-s1`"],
        "a line without its times is left out and named"
    );
}

#[test]
fn a_smoothed_line_leaves_its_points_behind_it_and_in_the_csv() {
    let points: Vec<(u64, f64)> =
        (0..=8).map(|i| (i * 25, f64::from(i as u32 % 2) * 9.0)).collect();
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &points)])]);
    let figure = Curve { smooth: Some(3), ..curve("psnr") };
    let lines = csv(figure.clone(), &records);
    assert_eq!(lines[0], "variant,step,mean,sd,min,max,n,smoothed");
    // Ends stand for themselves; (0 + 9 + 0) / 3 and (9 + 0 + 9) / 3 take turns between them.
    assert_eq!(lines[1..4], ["sr3,0,0,,0,0,1,0", "sr3,25,9,,9,9,1,3", "sr3,50,0,,0,0,1,6"]);

    let out = tempfile::tempdir().unwrap();
    write(&report(vec![Figure::Curve(figure)]), &records, out.path()).unwrap();
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    // The axis runs from 0 to 10.
    assert!(plot.shows(BLUE, 0.25, 0.6), "the mean");
    let pale = (0xa6, 0xce, 0xe4);
    assert!(plot.shows(pale, 0.125, 0.88) && !plot.shows(BLUE, 0.125, 0.88), "the points");
}

#[test]
fn a_line_of_very_many_points_keeps_its_single_spike() {
    let mut points: Vec<(u64, f64)> = (0..100_000).map(|step| (step, 5.0)).collect();
    points[50_000].1 = 10.0;
    points[25_000].1 = 0.0;
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &points)])]);
    let out = tempfile::tempdir().unwrap();
    write(&report(vec![Figure::Curve(curve("psnr"))]), &records, out.path()).unwrap();
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    for (x, y) in [(0.5, 0.98), (0.5, 0.7), (0.25, 0.02), (0.25, 0.3), (0.7, 0.5)] {
        assert!(plot.shows(BLUE, x, y), "no line at {x}, {y}");
    }
    let svg = fs_err::read(out.path().join("figures/psnr.svg")).unwrap();
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
    let csv = fs_err::read_to_string(out.path().join("data/psnr.csv")).unwrap();
    assert_eq!(csv.lines().count(), 100_001);
}

#[test]
fn a_logarithmic_axis_gives_every_power_of_ten_the_same_room() {
    let out = tempfile::tempdir().unwrap();
    let points = [(0, 1.0), (1, 1.0), (10, 10.0), (100, 100.0), (1000, 1.0)];
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &points)])]);
    let figure = Curve { x_scale: Scale::Log, y_scale: Scale::Log, ..curve("psnr") };
    write(&report(vec![Figure::Curve(figure)]), &records, out.path()).unwrap();
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    // Three powers of ten across and two upwards; step 0 has no place.
    for (x, y) in [(1.0 / 6.0, 0.25), (1.0 / 3.0, 0.5), (0.5, 0.75), (5.0 / 6.0, 0.5)] {
        assert!(plot.shows(BLUE, x, y), "no line at {x}, {y}");
    }
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
    assert!((10..32).map(dark).sum::<usize>() > 100, "the title has no ink");
}

fn write_png(path: &Path, side: u32, pixels: &[Rgb]) {
    let mut pixmap = Pixmap::new(side, side).unwrap();
    for (pixel, (r, g, b)) in pixmap.pixels_mut().iter_mut().zip(pixels) {
        *pixel = Color::from_rgba8(*r, *g, *b, 255).premultiply().to_color_u8();
    }
    fs_err::write(path, pixmap.encode_png().unwrap()).unwrap();
}

const RED: Rgb = (200, 0, 0);
const GREEN: Rgb = (0, 200, 0);
const NAVY: Rgb = (0, 0, 100);
const SAND: Rgb = (230, 220, 120);

/// One variant with two samples of 2 by 2 pixels at step 5, an older one, and one low-resolution
/// picture of a single pixel.
fn sampled(folder: &Path) -> Records {
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
fn a_sheet_shows_the_steps_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    let empty = (0xf0, 0xf0, 0xf0);
    // Steps 1 and 5 are recorded: 30 % of the way is before step 2.
    for steps in [[Place::Step(1), Place::Step(5)], [Place::Share(0.3), Place::Share(1.0)]] {
        let figure = Images { steps: steps.to_vec(), above: [].into(), ..images("sheet") };
        write(&report(vec![Figure::Images(figure)]), &records, folder.path()).unwrap();
        let sheet = decode(&folder.path().join("figures/sheet.png"));
        assert_eq!(runs(&sheet, 24), [(BLUE, 192), (empty, 192)], "of step 1 there is one picture");
        assert_eq!(runs(&sheet, 222), [(RED, 96), (GREEN, 96), (SAND, 192)], "step 5");
    }
    for place in [Place::Step(3), Place::Share(0.1)] {
        let figure = Images { steps: vec![place], ..images("sheet") };
        let figures = vec![Figure::Images(figure)];
        let problems = write(&report(figures), &records, folder.path()).unwrap().problems;
        assert_eq!(problems, ["figure `sheet`: no image `sample` yet"]);
    }
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
        assert_eq!(written.files.len(), 4 + 3 + 1 + 3 + 1);
        written.files.iter().map(|file| fs_err::read(file).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(), bytes());
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
    assert_eq!(written.files.len(), 5, "the table comes out all the same");
    assert!(!old.exists() && out.path().join("figures/mine.png").exists());
    assert_eq!(fs_err::read_dir(out.path()).unwrap().count(), 6, "nothing is left aside");
}

#[test]
fn a_broken_image_is_named_and_leaves_its_cell_empty() {
    let folder = tempfile::tempdir().unwrap();
    let records = sampled(folder.path());
    fs_err::write(folder.path().join("b.png"), "not a picture").unwrap();
    fs_err::remove_file(folder.path().join("low.png")).unwrap();
    let figures = vec![Figure::Images(images("sheet"))];
    let Written { problems, files, .. } = write(&report(figures), &records, folder.path()).unwrap();
    assert_eq!(files.len(), 6);
    assert!(problems[0].contains("low.png"), "{problems:?}");
    assert!(problems[1].contains("b.png") && problems[1].contains("not a PNG"), "{problems:?}");
}

#[test]
fn names_that_leave_the_folder_or_collide_are_refused() {
    let out = tempfile::tempdir().unwrap();
    for name in ["../psnr", "a/b", "", ".hidden"] {
        let figures = vec![Figure::Curve(curve(name))];
        let error = write(&report(figures), &three_seeds(), out.path()).unwrap_err();
        assert!(matches!(error, ReportError::Name(n) if n == name));
    }
    let figures = vec![Figure::Curve(curve("a")), Figure::Images(images("a"))];
    let error = write(&report(figures), &three_seeds(), out.path()).unwrap_err();
    assert!(matches!(error, ReportError::Twice(n) if n == "a"));
    assert_eq!(fs_err::read_dir(out.path()).unwrap().count(), 0);
}

/// Whether some pixel of a row of pixels is dark: a rule runs across, or there is text.
fn ink(pixmap: &Pixmap, y: u32) -> usize {
    (0..pixmap.width()).filter(|x| at(pixmap, *x, y).0 < 0x60).count()
}

#[test]
fn the_table_as_a_picture_has_its_rules_its_words_and_its_numbers() {
    let out = tempfile::tempdir().unwrap();
    let picture = |columns: &[&str]| {
        let columns = columns.iter().map(|metric| (*metric).to_owned()).collect();
        let spec = TablePicture { name: "table".to_owned(), title: "Title".to_owned(), columns };
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
