//! Rows compared with a baseline, in every format, and the meaning of bold then.

use std::collections::BTreeMap;

use experiments::schema::report::{Center, Report, Spread, Table as Spec};
use insta::assert_snapshot;
use reports::comparison::{Family, Finding};
use reports::records::{Records, Trial};
use reports::table::Table;
use serde_json::json;

use crate::fixtures::{records, table, trial, unfinished, variant};

/// A trial whose PSNR is the mean over four items of `base`, moved by `shift`.
fn with_items(seed: u64, shift: f64) -> Trial {
    let base = [18.0, 21.5, 20.0, 24.5];
    let items = base.iter().enumerate().map(|(i, v)| {
        // Every image answers a little differently to every seed.
        (format!("{i:03}"), v + shift + 0.02 * (i as f64 - 1.5) * (seed as f64 - 1.0))
    });
    let items: std::collections::BTreeMap<_, _> = items.collect();
    let psnr = items.values().sum::<f64>() / 4.0;
    let mut trial = trial(seed, &[("psnr", psnr), ("consistency", 2e-5 - shift * 1e-6)]);
    trial.items.insert("psnr".to_owned(), items);
    trial
}

fn seeds(shifts: &[f64]) -> Vec<Trial> {
    shifts.iter().enumerate().map(|(seed, shift)| with_items(seed as u64, *shift)).collect()
}

fn with_baseline_sr3() -> Spec {
    Spec { baseline: Some("sr3".to_owned()), ..table() }
}

fn three_seeds() -> Records {
    let mut late = seeds(&[3.0, 3.1]);
    late.push(unfinished(2, "running"));
    records(vec![
        variant("bicubic", "Bicubic", seeds(&[-1.0])),
        variant("sr3", "SR3 (baseline)", seeds(&[0.0, 0.3, -0.2])),
        variant("cos", "Cos & <i>", seeds(&[1.0, 1.2, 0.9])),
        variant("res", "Res", seeds(&[1.1, 0.6, 1.3])),
        variant("late", "Late_one", late),
    ])
}

#[test]
fn stale_comparisons_are_removed_when_the_baseline_is() {
    let out = tempfile::tempdir().unwrap();
    let write = |table| {
        let report = Report { table: Some(table), ..Report::default() };
        reports::write(&report, &three_seeds(), out.path()).unwrap();
    };
    let exists = |name| out.path().join(name).exists();
    write(with_baseline_sr3());
    assert!(exists("table1.csv") && exists("table1-against.csv"));
    write(table());
    assert!(exists("table1.csv") && !exists("table1-against.csv"));
}

#[test]
fn the_comparisons_in_every_format() {
    let table = Table::new(&with_baseline_sr3(), &three_seeds(), &Family::Columns);
    assert_snapshot!("comparisons.txt", table.terminal());
    assert_snapshot!("comparisons.md", table.markdown());
    assert_snapshot!("comparisons.tex", table.latex());
    assert_snapshot!("comparisons.csv", table.comparisons_csv().unwrap());
    assert_snapshot!("comparisons.html", table.html(&BTreeMap::new()));
    let json: serde_json::Value = serde_json::from_str(&table.json()).unwrap();
    let cell = &json["rows"][2]["cells"]["psnr"]["against"];
    assert_eq!(cell["finding"], "higher");
    assert_eq!(cell["scope"], "seeds-and-items");
    assert_eq!(cell["seeds"], json!([0, 1, 2]));
    assert_eq!(cell["items"], 4);
}

#[test]
fn the_verdicts_say_what_they_rest_on() {
    let table = Table::new(&with_baseline_sr3(), &three_seeds(), &Family::Columns);
    let baseline = table.baseline.as_ref().unwrap();
    let psnr = |row: usize| baseline.comparisons[row][0].as_ref();
    assert_eq!(psnr(1), None, "the baseline against itself");
    let bicubic = psnr(0).unwrap();
    let seeds = &bicubic.comparison;
    assert!(seeds.has_single_seed());
    assert_eq!((&seeds.seeds[..], &seeds.unpaired[..]), (&[0][..], &[1, 2][..]));
    // Its one seed differs by -1.0 plus the same noise in every image.
    assert_eq!(bicubic.finding(), Finding::NoVariance);
    assert_eq!(psnr(4).unwrap().finding(), Finding::TooFew);
    assert_eq!(
        baseline.comparisons[2][1].as_ref().unwrap().comparison.items,
        0,
        "consistency has no items"
    );
    assert_eq!(baseline.comparisons[2][2], None, "a plain fact is not compared");
}

#[test]
fn the_best_is_bold_and_all_that_cannot_be_told_from_it_have_another_mark() {
    let table = Table::new(&with_baseline_sr3(), &three_seeds(), &Family::Columns);
    let marks = table.rows.iter().map(|row| (row.cells[0].is_best(), row.cells[0].is_tied()));
    let marks: Vec<(bool, bool)> = marks.collect();
    let (best, tied, neither) = ((true, false), (false, true), (false, false));
    // Cos is best by 1.03 to 1.00; Res is below it and then above it; SR3 is below it in every
    // seed.
    assert_eq!(marks, [neither, neither, best, tied, neither]);
    assert!(table.tied.as_ref().unwrap().contains("paired tests over the seeds"));
    for (format, mark) in [
        (table.latex(), "\\underline{22.00} $\\pm$ 0.36"),
        (table.html(&BTreeMap::new()), "<u>22.00</u> ± 0.36"),
        (table.markdown(), "| 22.00 ± 0.36≈ |"),
        (table.terminal(), "22.00 ± 0.36≈"),
    ] {
        assert!(format.contains(mark), "no `{mark}` in {format}");
        assert!(format.contains("not told from the best"), "unexplained: {format}");
    }
}

#[test]
fn two_seeds_are_called_too_few() {
    let records = records(vec![
        variant("sr3", "SR3", seeds(&[0.0, 0.1])),
        variant("cos", "Cos", seeds(&[5.0, 5.2])),
    ]);
    let table = Table::new(&with_baseline_sr3(), &records, &Family::Columns);
    assert!(table.terminal().contains("too few seeds"), "{}", table.terminal());
    assert_eq!(
        table.best.unwrap(),
        "the best of the complete rows, at the precision shown; seeds are too few or do not vary, \
         so that nothing was tested"
    );
}

#[test]
fn nothing_to_compare_is_left_out_of_every_format() {
    // The baseline has no values yet, and the other row no partner.
    let records = records(vec![
        variant("sr3", "SR3", vec![unfinished(0, "running")]),
        variant("cos", "Cos", seeds(&[5.0])),
    ]);
    let table = Table::new(&with_baseline_sr3(), &records, &Family::Columns);
    for text in [
        table.terminal(),
        table.markdown(),
        table.latex(),
        table.html(&BTreeMap::new()),
        table.json(),
    ] {
        assert!(text.contains("Cos") && !text.contains("Against"), "{text}");
    }
    assert_eq!(table.comparisons_csv(), None);
}

#[test]
fn the_interquartile_mean_and_a_bootstrap_interval_on_request() {
    let spec = Spec { center: Center::Iqm, spread: Spread::Interval, ..table() };
    let row = [1.0, 2.0, 3.0, 4.0, 90.0].iter().zip(0..);
    let trials = row.map(|(psnr, seed)| trial(seed, &[("psnr", *psnr)])).collect();
    let table = Table::new(&spec, &records(vec![variant("sr3", "SR3", trials)]), &Family::Columns);
    let text = table.markdown();
    // 2, 3 and 4 are left of the five. Samples with four or five times 90 (0.7 %), or with three
    // and a 4 (2.2 %), are the highest 2.9 %: the upper end is (4 + 90 + 90) / 3.
    assert!(text.contains("| 3.00 [1.33, 61.33] |"), "{text}");
    assert!(text.contains("Interquartile mean [95 % percentile bootstrap interval, 10000 samples"));
    let header = table.csv().lines().next().unwrap().to_owned();
    assert!(header.contains("psnr_n,psnr_iqm,psnr_low,psnr_high"), "{header}");
}

#[test]
fn items_that_are_left_out_are_counted_in_every_format() {
    let mut cos = seeds(&[1.0, 1.2, 0.9]);
    for trial in &mut cos {
        trial.items.get_mut("psnr").unwrap().remove("002");
        let items = &trial.items["psnr"];
        let mean = items.values().sum::<f64>() / items.len() as f64;
        trial.results.insert("psnr".to_owned(), mean);
    }
    let mut rounded = seeds(&[1.1, 0.6, 1.3]);
    for trial in &mut rounded {
        let psnr = (trial.results["psnr"] * 10.0).round() / 10.0;
        trial.results.insert("psnr".to_owned(), psnr + 0.1);
    }
    let records = records(vec![
        variant("sr3", "SR3", seeds(&[0.0, 0.3, -0.2])),
        variant("cos", "Cos", cos),
        variant("res", "Res", rounded),
    ]);
    let table = Table::new(&with_baseline_sr3(), &records, &Family::Columns);
    let notes = [
        "PSNR, comparisons of SR3, Cos: 1 of 4 items left out (002): not every seed of both rows has a finite \
         value of them.",
        "PSNR, comparisons of Res: 4 of 4 items left out: their mean is not the result.",
    ];
    let terminal = table.terminal().split_whitespace().collect::<Vec<_>>().join(" ");
    let latex = table.comparisons_latex().unwrap();
    for text in [terminal, table.markdown(), latex, table.html(&BTreeMap::new()), table.json()] {
        for note in notes {
            assert!(text.contains(note), "no `{note}` in {text}");
        }
    }
    let json: serde_json::Value = serde_json::from_str(&table.json()).unwrap();
    let psnr = |row: usize| &json["rows"][row]["cells"]["psnr"]["against"];
    assert_eq!((&psnr(1)["items"], &psnr(1)["items_left_out"]), (&3.into(), &json!(["002"])));
    assert_eq!(
        (&psnr(2)["items"], &psnr(2)["items_left_out"]),
        (&0.into(), &json!(["000", "001", "002", "003"]))
    );
    let csv = table.comparisons_csv().unwrap();
    let psnr_of =
        |row: &str| csv.lines().find(|l| l.starts_with(&format!("{row},sr3,psnr"))).unwrap();
    assert!(
        psnr_of("cos").ends_with(",3,3,002") && psnr_of("res").ends_with(",3,0,000; 001; 002; 003")
    );
    assert_eq!(psnr(2)["items_left_out_because"], "their mean is not the result");
    let report = Report {
        claims: vec![
            serde_json::from_value(json!({
                "claim": "It is better.", "compare": "res.psnr > sr3.psnr"
            }))
            .unwrap(),
        ],
        ..Report::default()
    };
    let out = tempfile::tempdir().unwrap();
    let claims = reports::write(&report, &records, out.path()).unwrap().claims.unwrap();
    let words = ", 3 seeds (4 of 4 items left out: their mean is not the result)";
    assert!(claims.contains(words), "{claims}");
}
