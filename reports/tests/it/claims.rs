//! Claims, judged by records with a known answer.

use experiments::schema::claim::Claim;
use experiments::schema::report::{Compare, Report};
use insta::assert_snapshot;
use reports::claims::Verdict::{
    self, FalseOfCheckpoints, NotMeasured, NotResolved, Refuted, Supported, TrueOfCheckpoints,
};
use reports::claims::{family, judge};
use reports::comparison::Finding;
use reports::records::{Records, Trial, Variant};
use reports::table::Table;

use crate::fixtures::{records, series, table, trial, unfinished, variant};

/// The table of the fixtures and these claims.
pub(crate) fn report(comparisons: &[&str]) -> Report {
    let claim = |text: &&str| Claim {
        claim: format!("It is said that {text}."),
        compare: text.parse().unwrap(),
    };
    Report {
        table: Some(table()),
        claims: comparisons.iter().map(claim).collect(),
        ..Report::default()
    }
}

fn verdicts(comparisons: &[&str], records: &Records) -> Vec<Verdict> {
    judge(&report(comparisons), records).unwrap().iter().map(|judged| judged.verdict).collect()
}

fn row(name: &str, psnr: &[f64]) -> Variant {
    let trials = psnr.iter().zip(0..).map(|(v, seed)| trial(seed, &[("psnr", *v)]));
    variant(name, &name.to_uppercase(), trials.collect())
}

/// Three seeds whose curves reach 20 at `steps`, or never.
fn curves(name: &str, steps: [Option<u64>; 3]) -> Variant {
    let trials = steps.into_iter().zip(0..).map(|(reached, seed)| {
        let value = |step| if reached.is_some_and(|at| step >= at) { 20.0 } else { 10.0 };
        let points: Vec<_> = (1..=10).map(|i| (i * 100, value(i * 100))).collect();
        let seconds: Vec<_> = points.iter().map(|(step, _)| *step as f64 / 4.0).collect();
        Trial { series: [("val".to_owned(), series(&points, &seconds))].into(), ..trial(seed, &[]) }
    });
    variant(name, &name.to_uppercase(), trials.collect())
}

#[test]
fn a_clear_difference_supports_or_refutes_and_an_unclear_one_does_neither() {
    let records = records(vec![
        row("a", &[20.0, 20.1, 19.9]),
        row("b", &[21.0, 21.05, 20.95]),
        row("c", &[20.5, 19.2, 21.1]),
    ]);
    let claims = ["a.psnr < b.psnr", "a.psnr > b.psnr", "a.psnr < c.psnr", "b.psnr > c.ssim"];
    assert_eq!(verdicts(&claims, &records), [Supported, Refuted, NotResolved, NotMeasured]);
    assert_eq!(verdicts(&["a.psnr best", "b.psnr best"], &records), [Refuted, NotResolved]);
}

#[test]
fn rows_of_another_run_judge_no_claim() {
    let better = Variant { run: Some("theirs".to_owned()), ..row("theirs/c", &[30.0, 30.1, 29.9]) };
    let records =
        records(vec![row("a", &[20.0, 20.1, 19.9]), row("b", &[21.0, 21.05, 20.95]), better]);
    assert_eq!(verdicts(&["b.psnr best"], &records), [Supported]);
}

#[test]
fn with_one_seed_nothing_is_supported_and_with_two_nothing_is_resolved() {
    let one = records(vec![row("a", &[20.0]), row("b", &[21.0])]);
    let claims = ["a.psnr < b.psnr", "a.psnr > b.psnr", "b.psnr best", "a.psnr best"];
    let expected = [TrueOfCheckpoints, FalseOfCheckpoints, TrueOfCheckpoints, FalseOfCheckpoints];
    assert_eq!(verdicts(&claims, &one), expected);
    let two = records(vec![row("a", &[20.0, 20.01]), row("b", &[21.0, 21.0])]);
    assert_eq!(verdicts(&claims[..2], &two), [NotResolved, NotResolved]);
}

#[test]
fn seeds_that_change_nothing_are_named() {
    let notes = |a: &[f64], b: &[f64]| {
        let records = records(vec![row("a", a), row("b", b)]);
        judge(&report(&["a.psnr < b.psnr"]), &records).unwrap()[0].notes.join(" ")
    };
    let said = notes(&[1.0, 2.0, 3.0, 1.0, 2.0], &[2.0, 3.5, 4.0, 2.0, 3.5]);
    assert!(said.contains("the same values in both rows (0, 3; 1, 4)"), "{said}");
    assert_eq!(notes(&[1.0, 2.0, 3.0, 1.0], &[2.0, 3.5, 4.0, 2.5]), "");
}

#[test]
fn a_trained_row_of_one_seed_leaves_a_claim_of_the_best_open() {
    let rows = |reference: &[f64], deterministic| {
        let reference = Variant { deterministic, ..row("reference", reference) };
        records(vec![
            row("a", &[20.0, 20.1, 19.9]),
            row("b", &[21.0, 21.05, 20.95]),
            row("c", &[20.5, 20.4, 20.6]),
            reference,
        ])
    };
    let verdict = |records: &Records| verdicts(&["b.psnr best"], records)[0];
    // Below the mean of b, above it, and above what b has with that seed.
    for value in [19.0, 23.0, 21.01] {
        assert_eq!(verdict(&rows(&[value], false)), NotResolved, "{value}");
    }
    let judged = judge(&report(&["b.psnr best"]), &rows(&[19.0], false)).unwrap();
    let said = |text| judged[0].notes.iter().any(|note| note.contains(text));
    assert!(said("REFERENCE has one seed in common"), "{judged:?}");
    assert!(said("Against REFERENCE, seeds are left out (only one of the rows has them): 1, 2."));
    // Without randomness, it is compared with every seed of b.
    assert_eq!(verdict(&rows(&[19.0], true)), Supported);
    assert_eq!(verdict(&rows(&[23.0], true)), Refuted);
    assert_eq!(verdict(&rows(&[21.01], true)), NotResolved);
    let judged = judge(&report(&["b.psnr > reference.psnr"]), &rows(&[19.0], true)).unwrap();
    // scipy.stats.ttest_1samp([21.0, 21.05, 20.95], 19.0).pvalue
    assert!((judged[0].p_holm.unwrap() - 2.082_682_517_640_475e-4).abs() < 1e-9, "{judged:?}");
}

#[test]
fn a_row_that_has_not_finished_leaves_a_claim_of_the_best_open() {
    let rows = |last: Variant| {
        records(vec![row("a", &[20.0, 20.1, 19.9]), row("b", &[21.0, 21.05, 20.95]), last])
    };
    let verdict = |last| verdicts(&["b.psnr best"], &rows(last))[0];
    let queued = (0..3).map(|seed| unfinished(seed, "queued")).collect();
    assert_eq!(verdict(variant("c", "C", queued)), NotResolved);
    assert_eq!(verdict(row("c", &[f64::NAN; 3])), NotResolved);
    // A row that has no such metric is no rival.
    let other = (0..3).map(|seed| trial(seed, &[("ssim", 0.5)])).collect();
    assert_eq!(verdict(variant("c", "C", other)), Supported);
}

#[test]
fn the_list_of_claims_is_one_family() {
    let records = records(vec![
        row("a", &[20.0, 20.1, 19.9]),
        row("b", &[20.31, 20.58, 20.28]),
        row("c", &[20.5, 19.2, 21.1]),
    ]);
    let clear = "a.psnr < b.psnr";
    assert_eq!(verdicts(&[clear], &records), [Supported]);
    let claims =
        [clear, "a.psnr < c.psnr", "b.psnr < c.psnr", "a.psnr > c.psnr", "b.psnr < a.ssim"];
    let judged = judge(&report(&claims), &records).unwrap();
    assert_eq!(judged[0].verdict, NotResolved);
    // The last claim is not measured yet, and counts: that it will be must not change the others' verdicts.
    let [p, p_holm] = [judged[0].p.unwrap(), judged[0].p_holm.unwrap()];
    assert!(p < 0.05 && (p_holm - 5.0 * p).abs() < 1e-12, "{p} {p_holm}");
    assert_eq!(judged[4].p_holm, None);
}

#[test]
fn the_table_has_the_verdicts_of_the_claims_and_no_other() {
    let records = records(vec![
        row("a", &[20.0, 20.1, 19.9]),
        row("b", &[20.31, 20.58, 20.28]),
        row("c", &[20.5, 19.2, 21.1]),
        row("d", &[25.0, 25.1, 24.8]),
    ]);
    let claims = ["a.psnr < b.psnr", "a.psnr < c.psnr", "b.psnr < c.psnr", "d.psnr best"];
    let mut report = report(&claims);
    report.table.as_mut().unwrap().baseline = Some("a".to_owned());
    let judged = judge(&report, &records).unwrap();
    let table = Table::new(report.table.as_ref().unwrap(), &records, &family(&judged));
    let compared = &table.baseline.as_ref().unwrap().comparisons;
    let psnr = |row: usize| compared[row][0].as_ref().unwrap();
    // By itself, b differs from a: p 0.02.
    assert_eq!(judged[0].verdict, NotResolved);
    assert_eq!(psnr(1).finding(), Finding::NotResolved);
    assert_eq!(psnr(2).finding(), Finding::NotResolved);
    assert_eq!(psnr(3).finding(), Finding::NotTested);
    assert!(table.markdown().contains("| no claim |"), "{}", table.markdown());
    assert!(table.markdown().contains("corrected by Holm over all claims"));
    let json: serde_json::Value = serde_json::from_str(&table.json()).unwrap();
    let p_holm = &json["rows"][1]["cells"]["psnr"]["against"]["p_holm"];
    assert_eq!(p_holm.as_f64(), judged[0].p_holm);
}

#[test]
fn a_column_of_ratios_is_compared_by_ratios_everywhere() {
    // Half as much, a third, a half.
    let records = records(vec![row("a", &[1.0, 2.0, 6.0]), row("b", &[2.0, 6.0, 12.0])]);
    let claims = ["a.psnr < b.psnr", "a.psnr best", "steps(a.psnr >= 1) < steps(b.psnr >= 1)"];
    let mut report = report(&claims);
    let table = report.table.as_mut().unwrap();
    table.baseline = Some("b".to_owned());
    table.columns[0].compare = Compare::Ratio;
    let out = tempfile::tempdir().unwrap();
    let written = reports::write(&report, &records, out.path()).unwrap();
    // The cube root of 1 / 12, and the t interval of the three logarithms (SciPy's `ttest_1samp`).
    let [text, table] = [written.claims.unwrap(), written.table.unwrap()];
    assert!(text.contains("against B: ×0.4368 [×0.2442, ×0.7813]"), "{text}");
    assert!(table.contains("×0.437 [×0.244, ×0.781]"), "{table}");
    let read = |name| std::fs::read_to_string(out.path().join(name)).unwrap();
    assert!(read("table1.md").contains("tested as differences of logarithms: PSNR"));
    assert!(
        read("table1-against.csv").contains("a,b,psnr,ratio,0.436"),
        "{}",
        read("table1-against.csv")
    );
    let json: serde_json::Value = serde_json::from_str(&read("claims.json")).unwrap();
    let compared = &json["claims"][1]["comparisons"][0]["comparison"];
    assert_eq!(compared["compare"], "ratio");
    assert!((compared["estimate"].as_f64().unwrap() - (1.0_f64 / 12.0).cbrt()).abs() < 1e-12);
}

#[test]
fn the_first_to_reach_a_level_is_better() {
    let records = records(vec![
        curves("fast", [Some(200), Some(300), Some(200)]),
        curves("slow", [Some(800), Some(700), Some(900)]),
        curves("never", [None; 3]),
        curves("partly", [None, Some(900), Some(800)]),
    ]);
    let claims = [
        "steps(fast.val >= 20) < steps(slow.val >= 20)",
        "seconds(fast.val >= 20) < seconds(slow.val >= 20)",
        "fast.val@500 > slow.val@500",
        "steps(fast.val >= 20) < steps(never.val >= 20)",
        "steps(fast.val >= 20) < steps(partly.val >= 20)",
        "steps(never.val >= 20) < steps(never.val >= 21)",
    ];
    // Each in a family of its own.
    let judged = claims.iter().flat_map(|claim| judge(&report(&[claim]), &records).unwrap());
    let judged: Vec<_> = judged.collect();
    let found: Vec<_> = judged.iter().map(|j| j.verdict).collect();
    // Of a value that is 20 in each seed and 10 in each other there is no variance to test with.
    assert_eq!(found, [Supported, Supported, NotResolved, Supported, Supported, NotMeasured]);
    let difference = |i: usize| judged[i].comparisons[0].1.paired.difference;
    // (200 - 800 + 300 - 700 + 200 - 900) / 3, and a quarter of it in seconds.
    assert!((difference(0) + 1700.0 / 3.0).abs() < 1e-9);
    assert!((difference(1) + 1700.0 / 12.0).abs() < 1e-9);
    // Never counts as the last step, 1000.
    assert!((difference(3) + 2300.0 / 3.0).abs() < 1e-9);
    assert_eq!(
        judged[4].notes,
        ["PARTLY does not reach the level with seeds 0, and counts as if it did at the end."]
    );
}

#[test]
fn the_mean_over_the_training_is_the_area_under_the_curve() {
    let row = |name: &str, curves: [&[(u64, f64)]; 3]| {
        let trials = curves.into_iter().zip(0..).map(|(points, seed)| Trial {
            series: [("val".to_owned(), series(points, &[]))].into(),
            ..trial(seed, &[])
        });
        variant(name, &name.to_uppercase(), trials.collect())
    };
    // Noise takes "noisy" above 20 first; "steady" is ahead from then on.
    let noisy: [&[(u64, f64)]; 3] = [
        &[(0, 10.0), (100, 21.0), (300, 11.0), (400, 12.0)],
        &[(0, 10.0), (100, 21.0), (300, 11.0), (400, 12.5)],
        &[(0, 10.0), (100, 22.0), (300, 11.0), (400, 12.0)],
    ];
    let steady: &[(u64, f64)] = &[(0, 10.0), (100, 19.0), (300, 21.0), (400, 22.0)];
    let records = records(vec![row("noisy", noisy), row("steady", [steady; 3])]);
    let claims =
        ["mean(steady.val) > mean(noisy.val)", "steps(steady.val >= 20) < steps(noisy.val >= 20)"];
    let judged = judge(&report(&claims), &records).unwrap();
    assert_eq!(judged[0].verdict, Supported);
    // (100 × 14.5 + 200 × 20 + 100 × 21.5) / 400 = 19; (100 × 15.5 + 200 × 16 + 100 × 11.5) / 400 = 14.75,
    // and 0.0625 and 0.375 more with the other seeds.
    let difference = judged[0].comparisons[0].1.paired.difference;
    assert!((difference - (4.25 - (0.0625 + 0.375) / 3.0)).abs() < 1e-12, "{difference}");
    assert!(judged[1].comparisons[0].1.paired.difference > 0.0);
}

#[test]
fn a_share_of_the_way_is_that_of_each_curve() {
    let records = records(vec![
        curves("fast", [Some(200), Some(200), Some(400)]),
        curves("slow", [Some(800); 3]),
    ]);
    let judged = judge(&report(&["fast.val@35% > slow.val@35%"]), &records).unwrap();
    // Step 300 of 1000: two of the three seeds are 10 ahead.
    assert!((judged[0].comparisons[0].1.paired.difference - 20.0 / 3.0).abs() < 1e-9);
}

#[test]
fn the_files_say_what_the_verdicts_rest_on() {
    let records = records(vec![
        row("a", &[20.0, 20.1, 19.9]),
        row("b", &[21.0, 21.05, 20.95]),
        Variant { deterministic: true, ..row("bicubic", &[19.5]) },
        row("c", &[19.0]),
    ]);
    let out = tempfile::tempdir().unwrap();
    let report = report(&["a.psnr < b.psnr", "b.psnr best", "a.psnr > b.ssim"]);
    let written = reports::write(&report, &records, out.path()).unwrap();
    assert_snapshot!("claims.txt", written.claims.unwrap());
    let read = |name| std::fs::read_to_string(out.path().join(name)).unwrap();
    assert_snapshot!("claims.md", read("claims.md"));
    let json: serde_json::Value = serde_json::from_str(&read("claims.json")).unwrap();
    assert_eq!(json["claims"][0]["verdict"], "supported");
    assert_eq!(
        json["claims"][1]["comparisons"][2]["comparison"]["scope"],
        "these-checkpoints-only"
    );
    // Without claims there are no files of them.
    reports::write(&Report { claims: Vec::new(), ..report }, &records, out.path()).unwrap();
    assert!(!out.path().join("claims.md").exists());
}
