//! The seeds that each claim will need, from the effect and the variances of a pilot.

use std::io;

use experiments::schema::claim::Relation;
use experiments::schema::design::{Design, Family, Method, SeedSpan};
use experiments::schema::report::Report;
use serde::Serialize;

use super::compared::ComparedClaim;
use super::cost::RowCosts;
use super::rules::Rules;
use super::sequence::Sequence;
use crate::comparison::estimate;
use crate::records::Records;
use crate::statistics::{DesignPower, Need, Pilot, SequentialTest, seeds_of_one_test};

/// The chances of a verdict that are planned for.
pub const POWERS: [f64; 2] = [0.8, 0.95];

/// The design that is planned with where the file has none.
const DEFAULT_SPAN: SeedSpan = SeedSpan { first: 3, most: 20 };

/// The plan of a claim: its comparison that needs the most seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimPower {
    /// The claim as the file words it.
    pub claim: String,
    /// Its comparison, `sr4.psnr > sr3.psnr`.
    pub compare: String,
    /// None where the pilot has fewer than two seeds of a row, or differences that do not vary.
    pub pair: Option<PairPower>,
}

/// The plan of a comparison of two rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairPower {
    /// The label of the other row.
    pub against: String,
    /// The difference found, or the ratio.
    pub effect: f64,
    /// True if it points against the claim, which would then be refuted.
    pub is_against: bool,
    /// Seeds that the pilot has.
    pub pilot_seeds: usize,
    /// Seeds of one test with each of [`POWERS`]; None beyond 1,000.
    pub one_test: [Option<usize>; 2],
    /// The look of the group-sequential design by which the claim is resolved with each of [`POWERS`]; None
    /// if it is not by the last.
    pub group_sequential: [Option<usize>; 2],
    /// Its mean number of seeds.
    pub group_sequential_mean: f64,
    /// The same of the anytime-valid design, up to 60 seeds.
    pub anytime: [Option<usize>; 2],
    /// Its mean number of seeds.
    pub anytime_mean: f64,
    /// Items that would be needed where no number of seeds suffices.
    pub items: Option<usize>,
    /// Seconds of training for the seeds of one test with the first of [`POWERS`]; None if not known.
    pub seconds: Option<f64>,
}

/// The plan of every claim of the file, and the looks that it is made for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerPlan {
    /// In the file's order.
    pub claims: Vec<ClaimPower>,
    /// The level of each claim: under Holm's method that of the first of all claims, the least.
    pub alpha: f64,
    /// The looks of the group-sequential design.
    pub looks: Vec<usize>,
}

/// Plans every claim of the file by `pilot`. Fails as [`judge`](super::judge()).
pub fn power(report: &Report, pilot: &Records) -> io::Result<PowerPlan> {
    let design = report.design.clone().unwrap_or_else(default_design);
    let rules = Rules::new(&design)?;
    let alpha = match design.family {
        Family::Claims => design.alpha / report.claims.len().max(1) as f64,
        Family::Each => design.alpha,
    };
    let default = Design { alpha: design.alpha, ..default_design() };
    let (sequential, default_rules) = match design.method {
        Method::GroupSequential => (&design, None),
        Method::Anytime => (&default, Some(Rules::new(&default)?)),
    };
    let looks = sequential.looks();
    let planner = Planner {
        group_sequential: &default_rules.as_ref().unwrap_or(&rules).test,
        costs: RowCosts::new(pilot),
        alpha,
    };
    let claims = report.claims.iter().map(|claim| {
        let compared = ComparedClaim::new(claim, report, pilot, Some(&rules))?;
        Ok(planner.claim(&compared))
    });
    Ok(PowerPlan { claims: claims.collect::<io::Result<_>>()?, alpha, looks })
}

fn default_design() -> Design {
    let json = serde_json::json!({"seeds": DEFAULT_SPAN});
    serde_json::from_value(json).expect("a span is a design")
}

struct Planner<'a> {
    group_sequential: &'a SequentialTest,
    costs: RowCosts,
    alpha: f64,
}

impl Planner<'_> {
    /// The comparison that needs the most; of the best one where another row is ahead, the one that refutes it
    /// first.
    fn claim(&self, claim: &ComparedClaim) -> ClaimPower {
        let pairs = claim.comparisons.iter().zip(&claim.sequences).zip(&claim.rows);
        let pairs = pairs.filter(|((_, sequence), _)| sequence.pilot.is_some());
        let mut pairs: Vec<PairPower> = pairs
            .map(|(((label, _), sequence), rows)| {
                let rows = rows.iter().flatten().map(|(name, _)| name.as_str());
                self.pair(claim, label, sequence, rows)
            })
            .collect();
        let need = |pair: &PairPower| pair.one_test[0].unwrap_or(usize::MAX);
        pairs.sort_by_key(need);
        let is_best = claim.claim.compare.relation == Relation::Best;
        let against = pairs.iter().position(|pair| pair.is_against).filter(|_| is_best);
        let chosen = against.unwrap_or(pairs.len().saturating_sub(1));
        ClaimPower {
            claim: claim.claim.claim.clone(),
            compare: claim.claim.compare.to_string(),
            pair: pairs.into_iter().nth(chosen),
        }
    }

    fn pair<'r>(
        &self,
        claim: &ComparedClaim,
        label: &str,
        sequence: &Sequence,
        rows: impl Iterator<Item = &'r str>,
    ) -> PairPower {
        let pilot = sequence.pilot.expect("pairs without one were left out");
        let one_test = seeds_of_one_test(&pilot, self.alpha, POWERS);
        let simulate = |test| DesignPower::simulate(&pilot, test, self.alpha, claim.margin);
        let (sequential, anytime) =
            (simulate(self.group_sequential), simulate(&SequentialTest::Anytime));
        PairPower {
            against: label.to_owned(),
            effect: estimate(sequence.compare, pilot.effect, None).0,
            is_against: pilot.effect != 0.0 && (pilot.effect > 0.0) == claim.below,
            pilot_seeds: sequence.seeds,
            one_test,
            group_sequential: POWERS.map(|power| sequential.seeds(power)),
            group_sequential_mean: sequential.mean_seeds,
            anytime: POWERS.map(|power| anytime.seeds(power)),
            anytime_mean: anytime.mean_seeds,
            items: items(&pilot, self.group_sequential, self.alpha)
                .filter(|_| one_test[0].is_none()),
            seconds: one_test[0]
                .and_then(|seeds| self.costs.seconds_of_all(rows.map(|row| (row, seeds)))),
        }
    }
}

/// The items that are needed where no number of seeds suffices.
fn items(pilot: &Pilot, test: &SequentialTest, alpha: f64) -> Option<usize> {
    match pilot.need(test, alpha, pilot.effect.abs()) {
        Need::Items(items) => Some(items),
        Need::Seeds(_) | Need::TooMany => None,
    }
}
