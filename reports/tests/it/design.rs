//! Claims under a design, judged by records with a known answer.

use experiments::schema::report::{Figure, Report, Sequence};
use insta::assert_snapshot;
use reports::claims::Verdict::{
    Equivalent, NotMeasured, Open, Refuted, Supported, TrueOfCheckpoints,
};
use reports::claims::{Extension, JudgedClaim, Verdict, extensions, family, judge};
use reports::comparison::Finding;
use reports::records::{Records, Trial, Variant};
use reports::table::Table;
use resvg::tiny_skia::Pixmap;
use serde_json::json;

use crate::claims;
use crate::fixtures::{records, trial, unfinished, variant};

/// Differences of mean 0 and standard deviation 0.1.
const NOISE: [f64; 12] =
    [0.06, -0.13, 0.02, 0.11, -0.08, -0.05, 0.15, -0.02, -0.16, 0.09, 0.07, -0.06];

fn report(design: serde_json::Value, comparisons: &[&str]) -> Report {
    Report { design: Some(serde_json::from_value(design).unwrap()), ..claims::report(comparisons) }
}

/// A row with `seeds` seeds around `psnr`: `a` with the noise, `b` and `c` with it in another order, and
/// others without.
fn row(name: &str, psnr: f64, seeds: usize) -> Variant {
    let mut noise = NOISE;
    match name {
        "a" => {}
        "b" => noise.rotate_left(3),
        "c" => noise.rotate_left(7),
        _ => noise = [0.0; 12],
    }
    let trials = noise.iter().zip(0..).take(seeds);
    let trials = trials.map(|(noise, seed)| trial(seed, &[("psnr", psnr + noise)]));
    variant(name, &name.to_uppercase(), trials.collect())
}

fn judged(design: serde_json::Value, comparisons: &[&str], rows: Vec<Variant>) -> Vec<JudgedClaim> {
    judge(&report(design, comparisons), &records(rows)).unwrap()
}

fn verdicts(judged: &[JudgedClaim]) -> Vec<(Verdict, Option<usize>)> {
    let stop = |judged: &JudgedClaim| judged.course.as_ref().unwrap().stopped_at;
    judged.iter().map(|judged| (judged.verdict, stop(judged))).collect()
}

#[test]
fn a_verdict_is_reached_at_a_look_and_stays() {
    let looks = json!({"looks": [3, 5, 8]});
    let claim = ["base.psnr < a.psnr"];
    let with = |seeds| {
        let rows = vec![row("base", 20.0, seeds), row("a", 20.18, seeds)];
        verdicts(&judged(looks.clone(), &claim, rows))[0]
    };
    // t = 2.9 of three seeds, p 0.1; of five, t = 4.0, p 0.016, of the nominal level 0.021.
    assert_eq!(with(2), (Open, None));
    assert_eq!(with(3), (Open, None));
    assert_eq!(with(4), (Open, None));
    assert_eq!(with(5), (Supported, Some(5)));
    // Later seeds change nothing.
    let trials = |name, extra: f64| {
        let mut row = row(name, if name == "base" { 20.0 } else { 20.18 }, 5);
        row.trials.extend((5..9).map(|seed| trial(seed, &[("psnr", 20.0 + extra)])));
        row
    };
    let rows = vec![trials("base", 0.0), trials("a", -3.0)];
    assert_eq!(verdicts(&judged(looks, &claim, rows))[0], (Supported, Some(5)));
}

#[test]
fn the_order_is_that_of_the_file_up_to_the_first_seed_that_has_not_finished() {
    let mut broken = row("a", 21.0, 8);
    broken.trials[3] = unfinished(3, "running");
    let found = judged(
        json!({"looks": [3, 5]}),
        &["base.psnr < a.psnr"],
        vec![row("base", 20.0, 8), broken],
    );
    let course = found[0].course.as_ref().unwrap();
    let sequence = &course.sequences[0];
    assert_eq!((sequence.seeds, sequence.waits_for, sequence.looks.len()), (3, Some(3), 1));
    // A seed that only one row has is no reason to wait.
    let mut other = row("a", 21.0, 8);
    other.trials.remove(3);
    let found = judged(
        json!({"looks": [3, 5]}),
        &["base.psnr < a.psnr"],
        vec![row("base", 20.0, 8), other],
    );
    let sequence = &found[0].course.as_ref().unwrap().sequences[0];
    assert_eq!((sequence.seeds, sequence.waits_for, sequence.looks.len()), (7, None, 2));
}

#[test]
fn both_methods_tell_large_differences_apart_and_find_small_ones_equivalent() {
    let rows = || vec![row("base", 20.0, 12), row("a", 21.0, 12), row("c", 20.02, 12)];
    let claims =
        ["a.psnr > base.psnr", "a.psnr < base.psnr", "c.psnr > base.psnr", "a.psnr > b.psnr"];
    for design in [json!({"looks": [3, 5, 8, 12]}), json!({"method": "anytime"})] {
        let found = judged(design.clone(), &claims, rows());
        let found: Vec<Verdict> = found.iter().map(|judged| judged.verdict).collect();
        assert_eq!(found, [Supported, Refuted, Open, NotMeasured], "{design}");
        let mut design = design;
        design["margin"] = json!({"psnr": 0.25});
        let found = judged(design, &["c.psnr > base.psnr", "c.psnr best"], rows());
        assert_eq!([found[0].verdict, found[1].verdict], [Equivalent, Refuted]);
    }
}

#[test]
fn the_best_within_the_margin_is_equivalent_to_the_best() {
    let design = json!({"looks": [5, 12], "margin": {"psnr": 0.25}});
    let rows = |rival| vec![row("base", 21.0, 12), row("a", rival, 12), row("c", 20.0, 12)];
    let verdict = |rival| judged(design.clone(), &["base.psnr best"], rows(rival))[0].verdict;
    assert_eq!(verdict(20.0), Supported);
    assert_eq!(verdict(21.02), Equivalent);
    assert_eq!(verdict(21.5), Refuted);
    assert_eq!(verdict(21.2), Refuted, "a difference may be within the margin and still be shown");
}

#[test]
fn the_family_is_all_claims_or_each_by_itself() {
    let rows = || vec![row("base", 20.0, 5), row("a", 20.18, 5), row("c", 20.0, 5)];
    let claims = ["a.psnr > base.psnr", "c.psnr > base.psnr", "c.psnr < a.psnr"];
    let by_holm = judged(json!({"looks": [3, 5, 8]}), &claims, rows());
    let each = judged(json!({"looks": [3, 5, 8], "family": "each"}), &claims, rows());
    assert_eq!([by_holm[0].verdict, each[0].verdict], [Open, Supported]);
    let p = each[0].p.unwrap();
    assert_eq!((each[0].p_holm, by_holm[0].p), (Some(p), Some(p)));
    // A claim that is not measured yet counts as well.
    let claims = ["a.psnr > base.psnr", "a.ssim > base.ssim"];
    let two = judged(json!({"looks": [3, 5, 8]}), &claims, rows());
    assert!((two[0].p_holm.unwrap() - 2.0 * p).abs() < 1e-12);
}

#[test]
fn an_open_claim_says_what_it_needs() {
    let design = json!({"looks": [3, 5, 8, 12]});
    let claims = ["a.psnr > base.psnr", "bicubic.psnr < a.psnr", "bicubic.psnr < other.psnr"];
    let bicubic = Variant { deterministic: true, ..row("bicubic", 20.0, 1) };
    let other = Variant { deterministic: true, ..row("other", 21.0, 1) };
    let rows = vec![row("base", 20.0, 2), row("a", 20.1, 5), bicubic, other];
    let records = records(rows);
    let found = judge(&report(design, &claims), &records).unwrap();
    assert_eq!([Open, Open], [found[0].verdict, found[1].verdict]);
    // Two rows without randomness have nothing to wait for.
    assert_eq!(found[2].verdict, TrueOfCheckpoints);
    let need = |claim: usize| &found[claim].course.as_ref().unwrap().needs[0];
    assert_eq!((need(0).has, need(0).seeds(), need(0).is_first_look), (2, Some(3), true));
    // The mean of five is 0.096, their sd 0.099. With the nominal level of two open claims, by
    // `numpy.random`, `(t.ppf(1 - level / 2, n - 1) + norm.ppf(0.8)) * sd / n**0.5` is below from 17 on.
    assert_eq!((need(1).has, need(1).seeds(), need(1).next_look), (5, Some(17), Some(8)));
    assert!(need(1).rows.len() == 1 && !need(1).is_first_look);
    // Each goes on to its next look; the first costs a training, the second three and in all twelve.
    let of = |claim: usize, seeds: &[(&str, usize)], seconds_to_resolve: f64| Extension {
        claim,
        rows: seeds.iter().map(|(row, seeds)| ((*row).to_owned(), *seeds)).collect(),
        seconds_to_resolve,
    };
    let with_seconds = |seconds| {
        let mut records = records.clone();
        for trial in records.variants.iter_mut().flat_map(|variant| &mut variant.trials) {
            trial.seconds = seconds;
        }
        extensions(&found, &records)
    };
    let first = of(0, &[("a", 3), ("base", 3)], 10.0);
    assert_eq!(with_seconds(Some(10.0)), [first, of(1, &[("a", 8)], 120.0)]);
    assert_eq!(with_seconds(None)[1], of(1, &[("a", 8)], f64::INFINITY));
}

#[test]
fn where_the_images_are_the_limit_more_seeds_are_not_asked_for() {
    let items = |seed: u64, shift: f64| -> Trial {
        let value = |item: usize| NOISE[item] * 10.0 * f64::from(u8::from(shift > 0.0));
        let values = (0..12)
            .map(|item| (format!("{item:02}"), value(item) + shift + 0.01 * NOISE[seed as usize]));
        let values: std::collections::BTreeMap<String, f64> = values.collect();
        let mean = values.values().sum::<f64>() / 12.0;
        Trial { items: [("psnr".to_owned(), values)].into(), ..trial(seed, &[("psnr", mean)]) }
    };
    let rows = |shift: f64| {
        let base = (0..8).map(|seed| items(seed, 0.0)).collect();
        let ours = (0..8).map(|seed| items((seed + 3) % 12, shift)).collect::<Vec<_>>();
        let ours = ours.into_iter().zip(0..).map(|(trial, seed)| Trial { seed, ..trial }).collect();
        vec![variant("base", "BASE", base), variant("a", "A", ours)]
    };
    for design in [json!({"looks": [3, 5, 8, 12]}), json!({"method": "anytime"})] {
        let records = records(rows(0.3));
        let found = judge(&report(design, &["a.psnr > base.psnr"]), &records).unwrap();
        let course = found[0].course.as_ref().unwrap();
        assert_eq!(found[0].verdict, Open);
        assert_eq!(course.needs[0].seeds(), None, "{:?}", course.needs);
        assert!(extensions(&found, &records).is_empty());
    }
}

#[test]
fn the_table_has_the_verdicts_of_the_design() {
    let mut report = report(
        json!({"looks": [3, 5, 8], "margin": {"psnr": 0.25}}),
        &["base.psnr < a.psnr", "c.psnr < base.psnr"],
    );
    report.table.as_mut().unwrap().baseline = Some("base".to_owned());
    let records = records(vec![row("base", 20.0, 8), row("a", 21.0, 8), row("c", 20.02, 8)]);
    let judged = judge(&report, &records).unwrap();
    let table = Table::new(report.table.as_ref().unwrap(), &records, &family(&judged));
    let compared = &table.baseline.as_ref().unwrap().comparisons;
    let finding = |row: usize| compared[row][0].as_ref().unwrap().finding();
    assert_eq!([finding(1), finding(2)], [Finding::Higher, Finding::Equivalent]);
    assert!(table.markdown().contains("| equivalent |"), "{}", table.markdown());
}

#[test]
fn every_format_has_the_design_the_look_and_the_stop() {
    let records = written_records();
    let out = tempfile::tempdir().unwrap();
    let design = json!({"seeds": {"first": 3, "most": 8}, "margin": {"psnr": 0.3}});
    let report = report(design, &["base.psnr < a.psnr", "c.psnr best", "b.psnr > base.psnr"]);
    let written = reports::write(&report, &records, out.path()).unwrap();
    assert_snapshot!("design.txt", written.claims.unwrap());
    let read = |name| std::fs::read_to_string(out.path().join(name)).unwrap();
    assert_snapshot!("design.md", read("claims.md"));
    assert_snapshot!("design.tex", read("claims.tex"));
    assert!(read("report.html").contains("decided after 3 seeds"));
    let json: serde_json::Value = serde_json::from_str(&read("claims.json")).unwrap();
    assert_eq!(json["design"]["looks"], json!([3, 4, 5, 6, 8]));
    let course = &json["claims"][0]["course"];
    assert_eq!(
        (&course["stopped_at"], &json["claims"][0]["verdict"]),
        (&json!(3), &json!("supported"))
    );
    assert_eq!(course["sequences"][0]["looks"][2]["seeds"], 5);
    assert_eq!(json["claims"][2]["course"]["needs"][0]["rows"], json!(["b", "base"]));
}

fn written_records() -> Records {
    let mut b = row("b", 20.1, 8);
    b.trials.truncate(2);
    records(vec![row("base", 20.0, 8), row("a", 21.0, 8), row("c", 21.05, 8), b])
}

/// The columns of a picture of which this share of the axes' height, and no more than twice that, has a colour:
/// a grey or, by its red, the second variant's.
fn columns(png: &[u8], (red, share): (u8, f64)) -> Vec<f64> {
    let pixmap = Pixmap::decode_png(png).unwrap();
    let height = pixmap.height() * 6 / 10;
    let count = |x: u32| {
        let is_ink = |y: &u32| pixmap.pixel(x, *y).unwrap().red() == red;
        (0..pixmap.height()).filter(is_ink).count() as f64 / f64::from(height)
    };
    let columns = (0..pixmap.width()).filter(|x| (share..2.0 * share).contains(&count(*x)));
    columns.map(f64::from).collect()
}

#[test]
fn a_figure_shows_estimate_and_interval_by_seeds_with_the_stop() {
    let out = tempfile::tempdir().unwrap();
    let design = json!({"method": "anytime", "margin": {"psnr": 0.3}});
    let mut report = report(design, &["base.psnr < a.psnr", "c.psnr best"]);
    let sequence = |name: &str, claim: &str| {
        let title = format!("{claim}, by seeds");
        Figure::Sequence(Sequence { name: name.into(), title, claim: claim.into(), size: None })
    };
    report.figures = vec![sequence("two", "base.psnr < a.psnr"), sequence("best", "c.psnr best")];
    let mut rows = written_records();
    rows.variants.pop();
    let written = reports::write(&report, &rows, out.path()).unwrap();
    assert_eq!(written.problems, [""; 0]);
    let csv = std::fs::read_to_string(out.path().join("data/two.csv")).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 7, "{csv}");
    // Three differences give this e-process no interval; four do, and reject 0 for these.
    assert_eq!((lines[1][1], lines[1][3], lines[1][5]), ("3", "", "no"));
    assert_eq!((lines[2][1], lines[2][5]), ("4", "yes"));
    assert!(lines[2][4].parse::<f64>().unwrap() < 0.0);
    // The dashed line at the stop, four eighths of the way to the last look.
    let png = std::fs::read(out.path().join("figures/two.png")).unwrap();
    let [axis, stop, last] = [(153, 0.9), (102, 0.3), (213, 0.1)].map(|ink| columns(&png, ink));
    let share = (stop[0] - axis[0]) / (last[last.len() - 1] - axis[0]);
    assert!((share - 0.5).abs() < 0.02, "{share}");
    // Before the first look there is nothing to draw.
    rows.variants.truncate(1);
    let written = reports::write(&report, &rows, out.path()).unwrap();
    assert_eq!(written.problems.len(), 2, "{:?}", written.problems);
}

#[test]
fn differences_and_margins_are_in_the_unit_of_the_tables_column() {
    let design = json!({"looks": [3, 5, 8], "margin": {"psnr": 0.3}});
    let mut report = report(design, &["base.psnr < a.psnr"]);
    report.figures = vec![Figure::Sequence(Sequence {
        name: "course".to_owned(),
        claim: "base.psnr < a.psnr".parse().unwrap(),
        ..Sequence::default()
    })];
    let records = records(vec![row("base", 20.0, 8), row("a", 22.0, 8)]);
    let drawn = |report: &Report| {
        let out = tempfile::tempdir().unwrap();
        reports::write(report, &records, out.path()).unwrap();
        let read = |file: &str| fs_err::read_to_string(out.path().join(file)).unwrap();
        (read("claims.md"), read("data/course.csv"))
    };
    let (raw, _) = drawn(&report);
    assert!(raw.contains("against A: −1.983 [−2.387, −1.58], 3 seeds"), "{raw}");
    assert!(raw.contains("smaller than 0.3 in psnr."), "{raw}");
    let table = report.table.as_mut().unwrap();
    let column = table.columns.iter_mut().find(|column| column.metric == "psnr").unwrap();
    (column.scale, column.unit) = (100.0, Some("cB".to_owned()));
    let (scaled, data) = drawn(&report);
    assert!(scaled.contains("against A: −198.3 [−238.7, −158] cB, 3 seeds"), "{scaled}");
    assert!(scaled.contains("smaller than 30 cB in psnr."), "{scaled}");
    assert!(data.contains("A,3,-198.3"), "{data}");
}
