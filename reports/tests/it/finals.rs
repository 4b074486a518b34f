//! Bars and scatter, by their data and by where the ink is.

use experiments::schema::report::{Bars, Better, Figure, Report, Scale, Scatter};
use reports::records::Records;
use reports::write;
use resvg::tiny_skia::Pixmap;

use crate::fixtures::{records, table, three_seeds, trial, unfinished, variant};

fn report(figure: Figure) -> Report {
    Report { table: Some(table()), figures: vec![figure], ..Report::default() }
}

fn data(figure: Figure, records: &Records) -> (Vec<String>, Vec<String>) {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join(format!("data/{}.csv", figure.name()));
    let written = write(&report(figure), records, out.path()).unwrap();
    let text = fs_err::read_to_string(path).unwrap_or_default();
    (text.lines().map(str::to_owned).collect(), written.problems)
}

#[test]
fn bars_have_the_tables_scale_and_the_papers_values() {
    let figure = Bars { name: "c".into(), metric: "consistency".into(), ..Bars::default() };
    let (lines, problems) = data(Figure::Bars(figure), &three_seeds());
    // Times 1e5; bicubic has none; of VLB one seed is infinite and left out.
    assert_eq!(
        lines,
        [
            "variant,mean,sd,n,paper",
            "sr3,2,1,3,2.68",
            "cos,2,0,3,",
            "res,0.09999999999999999,,1,",
            "vlb,2,0,2,"
        ]
    );
    assert_eq!(problems, [""; 0]);
}

#[test]
fn bars_begin_at_zero_and_are_as_long_as_their_values() {
    let rows = [("a", 10.0), ("b", 20.0), ("c", 5.0)];
    let rows = rows.map(|(name, v)| variant(name, name, vec![trial(0, &[("psnr", v)])]));
    let figure = Bars { name: "bars".into(), metric: "psnr".into(), ..Bars::default() };
    let out = tempfile::tempdir().unwrap();
    write(&report(Figure::Bars(figure)), &records(rows.into()), out.path()).unwrap();
    let png = fs_err::read(out.path().join("figures/bars.png")).unwrap();
    let pixmap = Pixmap::decode_png(&png).unwrap();
    // 75 % of each variant's colour on white.
    let lengths = [(64, 149, 197), (224, 134, 64), (64, 182, 150)].map(|colour: (u8, u8, u8)| {
        let is_bar = |x: u32, y: u32| {
            let p = pixmap.pixel(x, y).unwrap();
            [p.red().abs_diff(colour.0), p.green().abs_diff(colour.1), p.blue().abs_diff(colour.2)]
                .iter()
                .all(|d| *d < 4)
        };
        let row = |y: u32| (0..pixmap.width()).filter(|x| is_bar(*x, y)).count();
        let rows = (0..pixmap.height()).map(row).filter(|length| *length > 0);
        assert!(rows.clone().count() > 10, "{colour:?} is too thin to be a bar");
        rows.max().unwrap() as f64
    });
    // 10, 20 and 5, give or take the pixels that grid and axis cover.
    assert!((lengths[1] - 2.0 * lengths[0]).abs() < 8.0, "{lengths:?}");
    assert!((lengths[0] - 2.0 * lengths[2]).abs() < 8.0, "{lengths:?}");
}

fn cost(records: &Records, spec: Scatter) -> (Vec<String>, Vec<String>) {
    let figure = Scatter { name: "s".into(), x: "seconds".into(), y: "psnr".into(), ..spec };
    data(Figure::Scatter(figure), records)
}

#[test]
fn the_front_holds_what_nothing_beats_in_both() {
    let row = |(name, seconds, psnr): (&str, f64, f64)| {
        variant(name, name, vec![trial(0, &[("seconds", seconds), ("psnr", psnr)])])
    };
    let rows =
        [("fast", 1.0, 20.0), ("slow", 4.0, 21.0), ("good", 2.0, 23.0), ("worse", 2.0, 22.0)];
    let mut records = records(rows.map(row).into());
    records.variants.push(variant("late", "Late", vec![unfinished(0, "running")]));
    let front = |x_better| {
        let (lines, problems) = cost(&records, Scatter { x_better, ..Scatter::default() });
        assert_eq!((lines.len(), problems.len()), (5, 0), "what has no value is left out");
        let on = lines.iter().filter_map(|line| line.strip_suffix(",yes"));
        on.map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The table says that a higher PSNR is better; nothing is known of seconds.
    assert_eq!(front(Some(Better::Lower)), ["fast", "good"]);
    assert_eq!(front(Some(Better::Higher)), ["slow", "good"]);
    assert_eq!(front(None), [""; 0]);
}

#[test]
fn what_has_no_place_on_a_logarithmic_axis_is_named() {
    let row = |(name, seconds)| {
        variant(name, name, vec![trial(0, &[("seconds", seconds), ("psnr", 20.0)])])
    };
    let records = records([("none", 0.0), ("some", 3.0)].map(row).into());
    let (lines, problems) = cost(&records, Scatter { x_scale: Scale::Log, ..Scatter::default() });
    assert_eq!(lines[1..], ["some,3,,20,,1"]);
    assert_eq!(problems, ["figure `s`: `none` is not above zero, where a logarithmic axis begins"]);
}

#[test]
fn what_has_no_spread_gets_no_stroke_without_a_length() {
    let rows = [("a", 10.0), ("b", 20.0)];
    let rows =
        rows.map(|(name, v)| variant(name, name, vec![trial(0, &[("psnr", v), ("cost", v)])]));
    let figure =
        Scatter { name: "dots".into(), x: "cost".into(), y: "psnr".into(), ..Scatter::default() };
    let out = tempfile::tempdir().unwrap();
    write(&report(Figure::Scatter(figure)), &records(rows.into()), out.path()).unwrap();
    let svg = fs_err::read_to_string(out.path().join("figures/dots.svg")).unwrap();
    let paths: Vec<&str> = svg.split(" d=\"M ").skip(1).collect();
    assert!(!paths.is_empty());
    for path in paths {
        let points = path.split('"').next().unwrap().split(" L ");
        let points: Vec<&str> = points.map(str::trim).collect();
        assert!(points.iter().any(|point| *point != points[0]), "no length: {}", points.join(" "));
    }
}
