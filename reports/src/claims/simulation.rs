//! Simulated papers: the share of lists of claims with even one false verdict.

use std::collections::BTreeMap;
use std::io;

use experiments::schema::claim::Claim;
use experiments::schema::report::Report;
use serde_json::json;

use super::judge;
use super::judged::JudgedClaim;
use super::rules::Rules;
use super::verdict::Verdict;
use crate::records::{Records, Trial, TrialState, Variant};
use crate::statistics::normal::Normal;

/// Papers a cell: `SIMULATIONS`, or so few that the tests are quick.
fn papers(few: usize) -> usize {
    std::env::var("SIMULATIONS").ok().map_or(few, |n| n.parse().expect("a number"))
}

const ROWS: usize = 7;

/// Claims as those of a table of changes: each row against the one that it changes, and the last the best.
const CLAIMS: [&str; 8] = [
    "r1.m < r0.m",
    "r3.m > r1.m",
    "r2.m < r1.m",
    "r4.m < r1.m",
    "r5.m > r3.m",
    "r5.m < r3.m",
    "r6.m < r0.m",
    "r6.m best",
];

fn report() -> Report {
    let claims = CLAIMS
        .map(|text| Claim { claim: String::new(), compare: text.parse().expect("a comparison") });
    let table = json!({"name": "t", "columns": [{"metric": "m", "better": "higher"}]});
    Report {
        table: serde_json::from_value(table).expect("a table"),
        claims: claims.into(),
        ..Report::default()
    }
}

/// A run of [`ROWS`] rows with these means and so many seeds, each of an effect that the rows share and a rest of
/// their own, both of sd 1.
fn records(means: [f64; ROWS], seeds: usize, normal: &mut Normal) -> Records {
    let seeds: Vec<f64> = (0..seeds).map(|_| normal.sample(1.0)).collect();
    let variants = means.into_iter().enumerate().map(|(row, mean)| Variant {
        name: format!("r{row}"),
        trials: (0..)
            .zip(&seeds)
            .map(|(seed, effect)| Trial {
                id: String::new(),
                seed,
                state: TrialState::Succeeded,
                results: [("m".to_owned(), mean + effect + normal.sample(1.0))].into(),
                items: BTreeMap::new(),
                series: BTreeMap::new(),
                seconds: None,
                config: serde_json::Map::new(),
                artifacts: Vec::new(),
            })
            .collect(),
        ..Variant::default()
    });
    Records { variants: variants.collect(), ..Records::default() }
}

/// The true verdict on each claim; None where the rows that it is about are tied.
fn truths(means: [f64; ROWS]) -> Vec<Option<Verdict>> {
    let best_other = means[..6].iter().copied().fold(f64::MIN, f64::max);
    let differences = [(1, 0), (3, 1), (2, 1), (4, 1), (5, 3), (5, 3), (6, 0)]
        .map(|(a, b)| means[a] - means[b])
        .into_iter()
        .chain([means[6] - best_other]);
    let signs = CLAIMS.map(|text| if text.contains('<') { -1.0 } else { 1.0 });
    let verdict = |(difference, sign): (f64, f64)| match difference * sign {
        agreement if agreement > 0.0 => Some(Verdict::Supported),
        agreement if agreement < 0.0 => Some(Verdict::Refuted),
        _ => None,
    };
    differences.zip(signs).map(verdict).collect()
}

/// The share of `papers` with a verdict that is not the true one, in percent.
fn falsely_judged(
    papers: usize,
    means: [f64; ROWS],
    seeds: usize,
    judge: impl Fn(&Records) -> io::Result<Vec<JudgedClaim>>,
) -> f64 {
    let (truths, mut normal) = (truths(means), Normal::new(5));
    let is_false = |records: Records| {
        let judged = judge(&records).expect("no points on disk");
        judged.iter().zip(&truths).any(|(judged, truth)| {
            let is_open = matches!(judged.verdict, Verdict::NotResolved | Verdict::Open);
            !is_open && Some(judged.verdict) != *truth
        })
    };
    let count = (0..papers).filter(|_| is_false(records(means, seeds, &mut normal))).count();
    100.0 * count as f64 / papers as f64
}

/// Papers in which false verdicts are most likely: all rows tied, some far below, the best tied with one.
const PAPERS: [[f64; ROWS]; 3] =
    [[0.0; ROWS], [0.0, 0.0, -9.0, 0.0, -9.0, 0.0, 0.0], [0.0, -9.0, -9.0, -9.0, -9.0, 9.0, 9.0]];

#[test]
fn a_list_of_claims_has_a_false_verdict_in_one_paper_of_twenty_at_most() {
    let report = report();
    // NumPy's generator, 6,000 papers each: 4.4, 2.8 and 3.8 %.
    for means in PAPERS {
        let found = falsely_judged(papers(3_000), means, 3, |records| judge(&report, records));
        assert!((2.0..=5.0).contains(&found), "{means:?}: {found} %");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table of docs/statistics.md")]
fn a_list_of_claims_under_a_design_has_one_as_rarely() {
    let (report, papers) = (report(), papers(150));
    // But for three standard errors of the simulation.
    let most = 5.0 + 300.0 * (0.05 * 0.95 / papers as f64).sqrt();
    for design in [json!({"seeds": {"first": 3, "most": 20}}), json!({"method": "anytime"})] {
        let spec = serde_json::from_value(design).expect("a design");
        let design = Rules::new(&spec).expect("a valid design");
        for means in PAPERS {
            let found = falsely_judged(papers, means, 20, |records| design.judge(&report, records));
            println!("{:?}, {means:?}: {found:.1} %", spec.method);
            assert!(found <= most, "{spec:?} {means:?}: {found} %");
        }
    }
}
