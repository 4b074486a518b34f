//! Small records with every special case of a report: ties, missing trials, values that are not
//! finite.

use std::collections::BTreeMap;
use std::process::Command;

use experiments::protocol::events::MetricInfo;
use experiments::schema::report::{Better, Center, Column, Compare, LatexTable, Spread, Table};
use reports::records::{Records, Trial, TrialState, Variant};
use reports::series::{Sample, Series};

/// A finished trial with these results.
pub(crate) fn trial(seed: u64, results: &[(&str, f64)]) -> Trial {
    Trial {
        id: format!("trial-s{seed}"),
        seed,
        state: TrialState::Succeeded,
        results: results.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect(),
        items: BTreeMap::new(),
        series: BTreeMap::new(),
        seconds: None,
        config: serde_json::Map::new(),
        artifacts: Vec::new(),
    }
}

pub(crate) fn unfinished(seed: u64, why: &str) -> Trial {
    Trial { state: TrialState::Unfinished(why.to_owned()), ..trial(seed, &[]) }
}

pub(crate) fn variant(name: &str, label: &str, trials: Vec<Trial>) -> Variant {
    Variant { name: name.to_owned(), label: label.to_owned(), trials, ..Variant::default() }
}

pub(crate) fn records(variants: Vec<Variant>) -> Records {
    let psnr = MetricInfo {
        description: "peak signal-to-noise ratio".to_owned(),
        unit: Some("dB".to_owned()),
    };
    Records {
        experiment: "table1".to_owned(),
        profile: Some("demo".to_owned()),
        caption: "Faces of 32×32 pixels, 50 % of them synthetic".to_owned(),
        variants,
        metrics: BTreeMap::from([("psnr".to_owned(), psnr)]),
        ..Records::default()
    }
}

pub(crate) fn column(metric: &str) -> Column {
    Column {
        metric: metric.to_owned(),
        label: None,
        unit: None,
        better: Some(Better::Higher),
        compare: Compare::Difference,
        decimals: Some(2),
        scale: 1.0,
    }
}

pub(crate) fn table() -> Table {
    let psnr = Column { label: Some("PSNR".to_owned()), ..column("psnr") };
    let consistency = Column {
        label: Some("Consistency".to_owned()),
        unit: Some("1e-5".to_owned()),
        better: Some(Better::Lower),
        decimals: Some(1),
        scale: 1e5,
        ..column("consistency")
    };
    let parameters = Column {
        label: Some("Parameters".to_owned()),
        unit: Some("M".to_owned()),
        better: None,
        scale: 1e-6,
        ..column("parameters")
    };
    let row = |values: &[(&str, f64)]| values.iter().map(|(m, v)| ((*m).to_owned(), *v)).collect();
    Table {
        name: "table1".to_owned(),
        title: "Table 1: what `set` changes".to_owned(),
        columns: vec![psnr, consistency, parameters],
        center: Center::Mean,
        spread: Spread::Sd,
        baseline: None,
        paper: [
            ("sr3".to_owned(), row(&[("psnr", 23.0), ("consistency", 2.68e-5)])),
            ("cos".to_owned(), row(&[("psnr", 23.1)])),
        ]
        .into(),
        notes: vec!["Not the paper's data & scale".to_owned()],
        latex: LatexTable::default(),
    }
}

/// Three seeds: ties at the precision shown, a better but incomplete row, a seed that diverged
/// into NaN, a row without some metrics, and labels with special characters.
pub(crate) fn three_seeds() -> Records {
    let full = |seed, psnr, consistency| {
        let parameters = 1_043_267.0;
        trial(seed, &[("psnr", psnr), ("consistency", consistency), ("parameters", parameters)])
    };
    records(vec![
        variant(
            "bicubic",
            "Bicubic, \"untrained\"",
            (0..3).map(|s| trial(s, &[("psnr", 20.0)])).collect(),
        ),
        variant(
            "sr3",
            "SR3 | base_line",
            vec![full(0, 19.0, 1e-5), full(1, 20.0, 2e-5), full(2, 21.004, 3e-5)],
        ),
        variant(
            "cos",
            "Cos <i> & {s}",
            vec![full(0, 19.999, 2e-5), full(1, 20.0, 2e-5), full(2, 20.0, 2e-5)],
        ),
        variant(
            "res",
            "Res",
            vec![full(0, 25.0, 1e-6), unfinished(1, "failed (diverged)"), unfinished(2, "running")],
        ),
        variant(
            "vlb",
            "VLB",
            vec![full(0, 22.0, 2e-5), full(1, f64::NAN, 2e-5), full(2, 23.0, f64::INFINITY)],
        ),
    ])
}

/// True if `program`, which a test calls, is installed; otherwise prints Debian's `package`.
#[expect(clippy::print_stderr, reason = "a check that was not made must be seen")]
pub(crate) fn has(program: &str, package: &str) -> bool {
    let has = Command::new(program).arg("--version").output().is_ok();
    if !has {
        eprintln!("skipped: {program} is not installed (Debian: {package})");
    }
    has
}

/// Points at known or, where there are no `seconds`, unknown times.
pub(crate) fn series(points: &[(u64, f64)], seconds: &[f64]) -> Series {
    let seconds = seconds.iter().copied().chain(std::iter::repeat(f64::NAN));
    let sample = |(&(step, value), seconds)| Sample { step, value, seconds };
    Series::new(&points.iter().zip(seconds).map(sample).collect::<Vec<_>>())
}
