//! Curves, judged by their pixels.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::schema::report::{Band, Column, Curve, Figure, Reference, Scale, X};
use reports::records::{Records, Trial};
use reports::series::{Sample, Series, Spool};
use reports::write;
use resvg::tiny_skia::Pixmap;

use crate::figures::{curve, report, trained};
use crate::fixtures::{column, records, series, trial, variant};
use crate::pixels::{Rgb, at, decode, near};

const BLUE: Rgb = (0x00, 0x72, 0xb2);
const AXIS: Rgb = (0x99, 0x99, 0x99);
const GRID: Rgb = (0xe6, 0xe6, 0xe6);
const REFERENCE: Rgb = (0x66, 0x66, 0x66);

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

    /// True if some pixel within two of (`x`, `y`), given as shares of the rectangle from the lower
    /// left, has `colour`.
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
    let points = [[(0, 1.0), (50, 2.0), (200, 3.0)], [(0, 3.0), (50, 4.0), (200, 5.0)]];
    let mut seeds = vec![trained(0, &points[0]), trained(1, &points[1])];
    let config = serde_json::json!({"training": {"batch": 8}});
    let seconds = [[1.0, 10.0, 40.0], [3.0, 20.0, 60.0]];
    for ((trial, points), seconds) in seeds.iter_mut().zip(&points).zip(&seconds) {
        trial.config = config.as_object().unwrap().clone();
        trial.series = BTreeMap::from([("val/psnr".to_owned(), series(points, seconds))]);
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

    records.variants[0].trials[1] = trained(1, &points[1]);
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
fn what_has_no_place_on_its_axes_is_a_sentence_and_leaves_no_file() {
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &[(1, -1.0), (2, 0.0)])])]);
    let out = tempfile::tempdir().unwrap();
    let figure = Curve { y_scale: Scale::Log, ..curve("psnr") };
    let problems =
        write(&report(vec![Figure::Curve(figure)]), &records, out.path()).unwrap().problems;
    assert_eq!(
        problems,
        [
            "figure `psnr`: nothing is within the limits of the axes, or above zero, where a logarithmic one begins"
        ]
    );
    for path in [
        "figures/psnr.svg",
        "figures/psnr.png",
        "figures/psnr.pdf",
        "data/psnr.csv",
        "data/psnr.csv.tmp",
    ] {
        assert!(!out.path().join(path).exists(), "{path}");
    }
}

#[test]
fn points_that_were_spilled_to_disk_are_drawn_as_those_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(folder.path());
    // Several stretches, each of more points than the picture has columns.
    let value = |step: u64, seed: u64| match (step * 7 + seed * 13) % 5003 {
        0 => f64::NAN,
        n => (n as f64).sin() + seed as f64,
    };
    let seeds = |put: &mut dyn FnMut(&[Sample]) -> Series| {
        let trials = (0..3).map(|seed| {
            let samples: Vec<Sample> = (0..20_000)
                .map(|step| Sample { step, value: value(step, seed), seconds: step as f64 / 50.0 })
                .collect();
            let series = BTreeMap::from([("val/psnr".to_owned(), put(&samples))]);
            Trial { series, ..trial(seed, &[("psnr", 5.0)]) }
        });
        records(vec![variant("sr3", "SR3", trials.collect())])
    };
    let in_memory = seeds(&mut |samples| Series::new(samples));
    let spilled = seeds(&mut |samples| {
        spool.put(samples.iter().copied().map(Ok), |error: std::io::Error| error).unwrap()
    });
    for figure in [
        curve("psnr"),
        Curve { smooth: Some(101), ..curve("psnr") },
        Curve { x: X::Seconds, y_scale: Scale::Log, band: Band::Range, ..curve("psnr") },
    ] {
        let files = |records: &Records| {
            let out = tempfile::tempdir().unwrap();
            write(&report(vec![Figure::Curve(figure.clone())]), records, out.path()).unwrap();
            ["figures/psnr.svg", "data/psnr.csv"]
                .map(|path| fs_err::read_to_string(out.path().join(path)).unwrap())
        };
        let [svg, csv] = files(&in_memory);
        assert!(csv.lines().count() == 20_001 && svg.len() < 1_000_000, "{}", svg.len());
        assert!(files(&spilled) == [svg, csv], "{figure:?}");
    }
}

/// Forty variants with level lines at 0.5 to 39.5, and the same final values.
fn forty() -> Records {
    let variants = (1..=40).map(|i| {
        let level = f64::from(i) - 0.5;
        let line = series(&[(0, level), (100, level)], &[]);
        let series = BTreeMap::from([("val/psnr".to_owned(), line)]);
        let trial = Trial { series, ..trial(0, &[("psnr", level)]) };
        variant(&format!("v{i:02}"), &format!("Variant {i}"), vec![trial])
    });
    records(variants.collect())
}

/// The height of a picture, in pixels of the layout.
fn height(path: &Path) -> u32 {
    decode(path).height() / 2
}

#[test]
fn of_very_many_lines_the_best_are_drawn_and_the_others_are_in_the_csv() {
    let out = tempfile::tempdir().unwrap();
    let written = write(&report(vec![Figure::Curve(curve("psnr"))]), &forty(), out.path()).unwrap();
    assert_eq!(
        written.problems,
        [
            "figure `psnr`: 16 of 40 variants are left out, since 24 lines can be told apart; drawn are \
          the best 24 of 40 variants by PSNR (dB) (choose others with the figure's `variants`)"
        ]
    );
    // The axis runs from 15 to 40.
    let plot = Plot::read(&out.path().join("figures/psnr.png"));
    let is_ink = |value: f64| {
        let y = (plot.bottom - (plot.bottom - plot.top) * (value - 15.0) / 25.0).round() as u32;
        // Dashes may have a gap in the middle.
        let middle = plot.pixmap.width() / 2;
        (middle - 20..middle + 20).any(|x| {
            let (red, green, blue) = at(&plot.pixmap, x, y);
            red.min(green).min(blue) < 0xd0
        })
    };
    assert!((16..40).all(|level| is_ink(f64::from(level) + 0.5)));
    assert!(![15.5, 16.0, 17.0, 39.0].into_iter().any(is_ink));
    let csv = fs_err::read_to_string(out.path().join("data/psnr.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 2 * 40);

    let chosen: Vec<_> = (1..=24).map(|i| format!("v{i:02}")).collect();
    let figure = Curve { variants: chosen, ..curve("psnr") };
    let written = write(&report(vec![Figure::Curve(figure)]), &forty(), out.path()).unwrap();
    assert_eq!(written.problems, Vec::<String>::new());
}

#[test]
fn the_picture_grows_until_every_label_fits() {
    let out = tempfile::tempdir().unwrap();
    let png = out.path().join("figures/psnr.png");
    let draw = |count: usize| {
        let mut records = forty();
        records.variants.truncate(count);
        write(&report(vec![Figure::Curve(curve("psnr"))]), &records, out.path()).unwrap();
        height(&png)
    };
    // Few labels fit beside the usual axes; for more the picture grows by the height of a label each.
    assert_eq!(draw(8), draw(1));
    let (twenty, all) = (draw(20), draw(24));
    // Four lines of 16.9 pixels.
    assert!((66..=69).contains(&(all - twenty)), "{twenty} and {all}");
    // The lowest label ends above the lower edge: its row is white.
    let pixmap = decode(&out.path().join("figures/psnr.png"));
    for edge in [0, pixmap.height() - 1] {
        assert!((0..pixmap.width()).all(|x| at(&pixmap, x, edge) == (255, 255, 255)), "{edge}");
    }
}

#[test]
fn the_vertical_axis_has_the_label_that_the_metric_has_in_the_table() {
    let points = [(0, 1.0), (100, 2.0)];
    let records = records(vec![variant("sr3", "SR3", vec![trained(0, &points)])]);
    let drawing = |y_label: Option<&str>, label: Option<&str>| {
        let out = tempfile::tempdir().unwrap();
        let curve = Curve { y_label: y_label.map(str::to_owned), ..curve("psnr") };
        let mut report = report(vec![Figure::Curve(curve)]);
        let columns = &mut report.table.as_mut().unwrap().columns;
        columns.push(Column { label: label.map(str::to_owned), ..column("val/psnr") });
        write(&report, &records, out.path()).unwrap();
        fs_err::read_to_string(out.path().join("figures/psnr.svg")).unwrap()
    };
    assert_eq!(drawing(None, Some("Quality")), drawing(Some("Quality"), None));
    assert_eq!(drawing(Some("Own"), Some("Quality")), drawing(Some("Own"), None));
    assert_eq!(drawing(None, None), drawing(Some("val/psnr"), Some("Quality")));
    assert_ne!(drawing(None, None), drawing(None, Some("Quality")));
}
