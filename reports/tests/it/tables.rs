//! The table in all its formats.

use experiments::schema::report::{Better, Column, Table as Spec};
use insta::assert_snapshot;
use reports::comparison::Family;
use reports::records::Records;
use reports::table::{Table, Value};

use crate::fixtures::{column, records, table, three_seeds, trial, unfinished, variant};

fn one_column(decimals: usize, better: Option<Better>) -> Spec {
    let decimals = Some(decimals);
    let columns = vec![Column { decimals, better, ..column("psnr") }];
    Spec { columns, paper: [].into(), notes: Vec::new(), ..table() }
}

#[test]
fn digits_follow_the_spread_where_the_file_fixes_none() {
    let spec = Spec {
        columns: vec![Column { decimals: None, better: Some(Better::Higher), ..column("psnr") }],
        paper: [("a".to_owned(), [("psnr".to_owned(), 0.7)].into())].into(),
        ..one_column(0, None)
    };
    let row = |name: &str, values: &[f64]| {
        let trials = values.iter().zip(0..).map(|(value, seed)| trial(seed, &[("psnr", *value)]));
        variant(name, name, trials.collect())
    };
    let records = records(vec![
        // Their standard deviations: 0.0040, 0.0153, 0.23, 19.8, 0, none.
        row("a", &[0.966, 0.970, 0.974]),
        row("b", &[0.95, 0.97, 0.98]),
        row("c", &[0.7, 0.9, 1.16]),
        row("d", &[80.2, 100.0, 119.8]),
        row("e", &[0.5, 0.5, 0.5]),
        row("f", &[0.123_456]),
    ]);
    let text = Table::new(&spec, &records, &Family::Columns).markdown();
    let cells = [
        "| 0.970 ± 0.004 | 0.7 |",
        "| 0.967 ± 0.015 |",
        "| 0.9 ± 0.2 |",
        "| **100** ± 20 |",
        "| 0.500 ± 0 |",
        "| 0.123 |",
    ];
    for cell in cells {
        assert!(text.replace('≈', "").contains(cell), "no `{cell}` in {text}");
    }
}

fn one_seed(values: &[f64]) -> Records {
    let row =
        |(i, v): (usize, &f64)| variant(&i.to_string(), "row", vec![trial(0, &[("psnr", *v)])]);
    records(values.iter().enumerate().map(row).collect())
}

fn best(spec: &Spec, records: &Records) -> Vec<bool> {
    Table::new(spec, records, &Family::Columns)
        .rows
        .iter()
        .map(|row| row.cells[0].is_best())
        .collect()
}

#[test]
fn several_seeds_in_every_format() {
    let table = Table::new(&table(), &three_seeds(), &Family::Columns);
    assert_snapshot!("several_seeds.txt", table.terminal());
    assert_snapshot!("several_seeds.md", table.markdown());
    assert_snapshot!("several_seeds.tex", table.latex());
    assert_snapshot!("several_seeds.csv", table.csv());
    assert_snapshot!("several_seeds.json", table.json());
}

#[test]
fn one_seed_has_no_spread_and_no_column_of_seeds() {
    let rows = [("sr3", "SR3", 19.456), ("cos", "Cos", f64::NAN), ("res", "Res", 20.344)];
    let row = |(name, label, psnr)| variant(name, label, vec![trial(7, &[("psnr", psnr)])]);
    let mut records = records(rows.into_iter().map(row).collect());
    records.variants.push(variant("vlb", "VLB", vec![unfinished(7, "not run")]));
    let table = Table::new(&table(), &records, &Family::Columns);
    assert_snapshot!("one_seed.txt", table.terminal());
    assert_snapshot!("one_seed.md", table.markdown());
    assert_snapshot!("one_seed.tex", table.latex());
}

#[test]
fn a_wide_table_is_set_in_blocks() {
    let columns =
        (0..12).map(|i| Column { label: Some(format!("metric number {i}")), ..column("psnr") });
    let wide = Spec { columns: columns.collect(), ..table() };
    let text = Table::new(&wide, &three_seeds(), &Family::Columns).terminal();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let rows = text.lines().filter(|line| line.starts_with("VLB")).count();
    assert!(rows > 1 && rows < 12, "{rows} blocks");
    let values: usize = text.lines().map(|line| line.matches("22.50").count()).sum();
    assert_eq!(values, 12, "every metric stands in one block");
}

#[test]
fn the_best_is_judged_as_it_is_shown() {
    let higher = |decimals| one_column(decimals, Some(Better::Higher));
    let values = one_seed(&[20.01, 20.04, 19.9]);
    assert_eq!(best(&higher(1), &values), [true, true, false]);
    assert_eq!(best(&higher(2), &values), [false, true, false]);
    assert_eq!(best(&one_column(1, Some(Better::Lower)), &values), [false, false, true]);
    assert_eq!(best(&one_column(1, None), &values), [false; 3], "plain facts have no best");
    assert_eq!(best(&higher(1), &one_seed(&[20.0])), [false], "nothing to be better than");
    assert_eq!(best(&higher(1), &one_seed(&[20.0, f64::INFINITY])), [false; 2]);
}

#[test]
fn an_incomplete_row_is_not_the_best_and_says_why() {
    let mut records = one_seed(&[20.0, 21.0]);
    records.variants.push(variant(
        "late",
        "Late",
        vec![trial(0, &[("psnr", 99.0)]), unfinished(1, "queued"), unfinished(4, "failed (data)")],
    ));
    let table = Table::new(&one_column(1, Some(Better::Higher)), &records, &Family::Columns);
    let best: Vec<bool> = table.rows.iter().map(|row| row.cells[0].is_best()).collect();
    assert_eq!(best, [false, true, false]);
    let [row] = &table.incomplete()[..] else { panic!("one row is incomplete") };
    assert_eq!((row.variant.as_str(), row.finished, row.of), ("late", 1, 3));
    let missing: Vec<_> = row.missing.iter().map(|m| (m.seed, m.why.as_str())).collect();
    assert_eq!(missing, [(1, "queued"), (4, "failed (data)")]);
    assert_eq!(
        table.notes,
        ["† Late: 1 of 3 seeds finished; seed 1 queued, seed 4 failed (data)."]
    );
}

#[test]
fn rows_without_a_seed_in_common_are_not_tested_and_that_is_said() {
    let of = |name: &str, from: u64, psnr: f64| {
        let trials =
            (from..from + 3).map(|seed| trial(seed, &[("psnr", psnr + seed as f64 / 10.0)]));
        variant(name, name, trials.collect())
    };
    let text = |rows| Table::new(&table(), &records(rows), &Family::Columns).markdown();
    let apart = text(vec![of("a", 0, 20.0), of("b", 3, 19.0)]);
    assert!(
        apart.contains("the rows have no seed in common, so that nothing was tested"),
        "{apart}"
    );
    let together = text(vec![of("a", 0, 20.0), of("b", 0, 19.0)]);
    assert!(!together.contains("no seed in common"), "{together}");
}

#[test]
fn results_of_a_trial_that_failed_do_not_count() {
    let mut failed = unfinished(0, "failed (crash)");
    failed.results = trial(0, &[("psnr", 30.0)]).results;
    let table = Table::new(
        &one_column(1, Some(Better::Higher)),
        &records(vec![variant("a", "A", vec![failed])]),
        &Family::Columns,
    );
    assert_eq!(table.rows[0].cells[0].value, Value::Absent);
}

#[test]
fn json_holds_every_seed_at_full_precision() {
    let json = Table::new(&table(), &three_seeds(), &Family::Columns).json();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 2);
    assert_eq!(json["rows"][1]["trials"][2]["results"]["psnr"], 21.004);
    // (19 + 20 + 21.004) / 3 and the root of the squared deviations' sum over 2.
    let cell = &json["rows"][1]["cells"]["psnr"];
    assert!((cell["mean"].as_f64().unwrap() - 20.001_333_333).abs() < 1e-9);
    assert!((cell["sd"].as_f64().unwrap() - 1.002_000_665).abs() < 1e-9);
    assert_eq!(json["rows"][4]["trials"][1]["results"]["psnr"], "NaN");
    assert_eq!(json["rows"][3]["trials"][2]["state"], "running");
}
