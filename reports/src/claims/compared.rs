//! A claim and the comparisons of its rows, before it is judged.

use std::io;

use experiments::schema::claim::{Claim, Measure, Relation};
use experiments::schema::report::{Better, Compare, Report};

use super::evidence::{Evidence, Outcome, Test, evidence};
use super::measure::{self, MeasuredQuantity};
use super::numbers::DifferenceUnit;
use super::rules::Rules;
use super::sequence::Sequence;
use super::verdict::Verdict;
use crate::comparison::Comparison;
use crate::records::Records;

/// Name and label of the two rows of a comparison; None for a deterministic row.
pub(super) type Pair = [Option<(String, String)>; 2];

/// A claim and the comparisons that it is about.
pub(super) struct ComparedClaim<'a> {
    pub(super) claim: &'a Claim,
    /// True if it says that the subject is the lower.
    pub(super) below: bool,
    compare: Compare,
    pub(super) unit: DifferenceUnit,
    pub(super) comparisons: Vec<(String, Comparison)>,
    rules: Option<&'a Rules<'a>>,
    /// The design's margin, on the scale of the differences.
    pub(super) margin: Option<f64>,
    /// Under a design, one for each of `comparisons`.
    pub(super) sequences: Vec<Sequence>,
    /// The rows of each of `comparisons`.
    pub(super) rows: Vec<Pair>,
    /// True if it is about a comparison that could not be made.
    pub(super) is_open: bool,
    pub(super) notes: Vec<String>,
}

impl<'a> ComparedClaim<'a> {
    pub(super) fn new(
        claim: &'a Claim,
        report: &Report,
        records: &Records,
        rules: Option<&'a Rules<'a>>,
    ) -> io::Result<Self> {
        let subject = &claim.compare.subject;
        let mut columns = report.table.iter().flat_map(|table| &table.columns);
        let column = columns.find(|column| column.metric == subject.metric);
        let below = match &claim.compare.relation {
            Relation::Below(_) => true,
            Relation::Above(_) => false,
            Relation::Best => column.and_then(|column| column.better) == Some(Better::Lower),
        };
        // The column is about values of the metric, not about steps or seconds.
        let is_of_column = claim.compare.quantities().all(|quantity| {
            let is_value = !matches!(quantity.measure, Measure::Steps(_) | Measure::Seconds(_));
            is_value && quantity.metric == subject.metric
        });
        let compare = column.filter(|_| is_of_column).map(|c| c.compare).unwrap_or_default();
        let ours = MeasuredQuantity::new(subject, records)?;
        let mut compared = Self {
            claim,
            below,
            compare,
            unit: DifferenceUnit::new(column.filter(|_| is_of_column)),
            comparisons: Vec::new(),
            rules,
            margin: rules.filter(|_| is_of_column).and_then(|r| r.margin(&subject.metric, compare)),
            sequences: Vec::new(),
            rows: Vec::new(),
            is_open: false,
            notes: Vec::new(),
        };
        match &claim.compare.relation {
            Relation::Below(other) | Relation::Above(other) => {
                let theirs = MeasuredQuantity::new(other, records)?;
                let [a, b] = [&subject.metric, &other.metric];
                let of_two = (a != b).then(|| format!("It compares two metrics, {a} with {b}."));
                let (ours, theirs, notes) = measure::resolve_censored(ours, theirs);
                compared.notes = of_two.into_iter().chain(notes).collect();
                compared.add(&ours, &theirs);
                compared
                    .notes
                    .extend([&ours, &theirs].into_iter().filter_map(MeasuredQuantity::missing));
            }
            Relation::Best => compared.best(&ours, records)?,
        }
        Ok(compared)
    }

    /// Compares the subject with every other row of the run that has a value, or may yet have one.
    fn best(&mut self, ours: &MeasuredQuantity, records: &Records) -> io::Result<()> {
        let subject = &self.claim.compare.subject;
        self.notes.extend(ours.missing());
        let own = records.variants.iter().filter(|v| v.run.is_none());
        for other in own.filter(|v| v.name != subject.variant) {
            let theirs = MeasuredQuantity::of(other, subject)?;
            self.notes.extend(theirs.missing());
            let is_compared = self.add(ours, &theirs);
            if !is_compared && (!other.is_complete() || theirs.has_values()) && ours.has_values() {
                self.is_open = true;
                let label = &other.label;
                self.notes.push(format!(
                    "{label}: there is no finite value to compare with, so that the claim stays open."
                ));
            }
        }
        // A verdict over several seeds needs them of every row.
        let is_single = |comparison: &Comparison| comparison.has_single_seed();
        if self.comparisons.iter().any(|(_, comparison)| !is_single(comparison)) {
            let single = self.comparisons.iter().filter(|(_, comparison)| is_single(comparison));
            let notes: Vec<String> = single.map(|(label, _)| single_seed_note(label)).collect();
            self.is_open |= !notes.is_empty();
            self.notes.extend(notes);
        }
        Ok(())
    }

    /// True if there is a pair of values.
    fn add(&mut self, ours: &MeasuredQuantity, theirs: &MeasuredQuantity) -> bool {
        let comparison =
            Comparison::new(&ours.observations(), &theirs.observations(), self.compare);
        let Some(comparison) = comparison else { return false };
        self.notes.extend(ours.left_out(theirs, &comparison.seeds, self.rules.is_some()));
        self.notes.extend(ours.repeated(theirs, &comparison.seeds));
        self.comparisons.push((theirs.label.clone(), comparison));
        self.rows.push(
            [ours, theirs]
                .map(|row| (!row.deterministic).then(|| (row.name.to_owned(), row.label.clone()))),
        );
        self.sequences.extend(self.rules.map(|rules| {
            Sequence::new(ours, theirs, self.compare, rules.with_margin(self.margin))
        }));
        true
    }

    /// True if no row has more than one seed.
    fn is_of_checkpoints(&self) -> bool {
        self.comparisons.iter().all(|(_, comparison)| comparison.has_single_seed())
    }

    pub(super) fn evidence(&self) -> Evidence {
        let of_checkpoints = self.is_of_checkpoints();
        let counts = |c: &&Comparison| of_checkpoints || !c.has_single_seed();
        let counted = self.comparisons.iter().map(|(_, comparison)| comparison).filter(counts);
        let outcomes: Vec<Outcome> = counted.map(|c| self.outcome(c)).collect();
        evidence(&outcomes, self.is_open || outcomes.is_empty())
    }

    fn outcome(&self, comparison: &Comparison) -> Outcome {
        let difference = comparison.paired.difference;
        let is_zero = difference.abs() <= f64::EPSILON;
        let test = match comparison.p() {
            Some(p) => Test::P(p),
            None if comparison.has_single_seed() => Test::Fact,
            None => Test::None,
        };
        Outcome { favours: (!is_zero).then_some((difference < 0.0) == self.below), test }
    }

    pub(super) fn verdict(&self, holds: Option<bool>) -> Verdict {
        if self.comparisons.is_empty() {
            return Verdict::NotMeasured;
        }
        match (self.is_of_checkpoints(), holds) {
            (false, Some(true)) => Verdict::Supported,
            (false, Some(false)) => Verdict::Refuted,
            (false, None) => Verdict::NotResolved,
            (true, Some(true)) => Verdict::TrueOfCheckpoints,
            (true, Some(false)) => Verdict::FalseOfCheckpoints,
            (true, None) => Verdict::NotResolvedOfCheckpoints,
        }
    }
}

fn single_seed_note(label: &str) -> String {
    format!(
        "{label} has one seed in common, so that the claim stays open: run it with more, or write \
         `deterministic: true` if its results do not depend on the seed."
    )
}
