//! What the trials of a row measure of a quantity.

use std::collections::BTreeMap;

use experiments::claim::{Level, Measure, Quantity};

use crate::comparison::{self, Value};
use crate::records::{Records, Trial, Variant};

/// One quantity, by seed.
#[derive(Debug, Clone)]
pub(super) struct Measured<'a> {
    /// The row's label.
    pub(super) label: String,
    quantity: &'a Quantity,
    seeds: Vec<Seed<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Seed<'a> {
    value: Value<'a>,
    /// Whether the level was not reached: the value is then the last step, or second, that is known.
    unreached: bool,
}

impl<'a> Measured<'a> {
    pub(super) fn new(quantity: &'a Quantity, records: &'a Records) -> Self {
        match super::variant(records, &quantity.variant) {
            Some(variant) => Self::of(variant, quantity),
            None => Self { label: quantity.variant.clone(), quantity, seeds: Vec::new() },
        }
    }

    /// The same quantity of `variant`.
    pub(super) fn of(variant: &'a Variant, quantity: &'a Quantity) -> Self {
        let metric = &quantity.metric;
        let seeds = match quantity.measure {
            Measure::Final => {
                let finals = comparison::finals(variant, metric).into_iter();
                finals.map(|value| Seed { value, unreached: false }).collect()
            }
            Measure::At(step) => {
                let at = |trial| Some((value_at(trial, metric, step)?, false));
                of_trials(variant, at)
            }
            Measure::AtShare(share) => {
                of_trials(variant, |trial| Some((value_at_share(trial, metric, share)?, false)))
            }
            Measure::Steps(level) => of_trials(variant, |trial| {
                let points = trial.series.get(metric)?;
                let steps: Vec<f64> = points.iter().map(|(step, _)| *step as f64).collect();
                reach(points, &steps, level)
            }),
            Measure::Seconds(level) => of_trials(variant, |trial| {
                reach(trial.series.get(metric)?, trial.seconds.get(metric)?, level)
            }),
        };
        Self { label: variant.label.clone(), quantity, seeds }
    }

    pub(super) fn values(&self) -> Vec<Value<'a>> {
        self.seeds.iter().map(|seed| seed.value).collect()
    }

    /// A sentence if there is nothing.
    pub(super) fn missing(&self) -> Option<String> {
        let Quantity { metric, measure, .. } = self.quantity;
        let what = match measure {
            Measure::Final => format!("final {metric}"),
            Measure::At(step) => format!("{metric} at step {step}"),
            Measure::AtShare(_) | Measure::Steps(_) | Measure::Seconds(_) => {
                format!("{metric} by step")
            }
        };
        self.seeds.is_empty().then(|| format!("{}: no finished trial has {what}.", self.label))
    }
}

fn of_trials<'a>(
    variant: &'a Variant,
    of: impl Fn(&'a Trial) -> Option<(f64, bool)>,
) -> Vec<Seed<'a>> {
    let seed = |trial: &'a Trial| {
        let (value, unreached) = of(trial)?;
        Some(Seed { value: Value { seed: trial.seed, value, items: None }, unreached })
    };
    variant.finished().filter_map(seed).collect()
}

fn value_at(trial: &Trial, metric: &str, step: u64) -> Option<f64> {
    let points = trial.series.get(metric)?;
    let at = points.binary_search_by_key(&step, |(step, _)| *step).ok()?;
    Some(points[at].1)
}

/// The value of the last point that is not beyond that share of the way to the last step.
fn value_at_share(trial: &Trial, metric: &str, share: f64) -> Option<f64> {
    let points = trial.series.get(metric)?;
    let end = share * points.last()?.0 as f64;
    points.iter().rev().find(|(step, _)| *step as f64 <= end).map(|(_, value)| *value)
}

/// Where the level is first reached, or else the last place that is known.
fn reach(points: &[(u64, f64)], places: &[f64], level: Level) -> Option<(f64, bool)> {
    let reached = points.iter().position(|(_, value)| level.is_reached(*value));
    match reached {
        Some(at) => Some((*places.get(at)?, false)),
        None => Some((*places.last()?, true)),
    }
}

/// Takes out the seeds of which it is not known who was first. A row that does not reach the level
/// counts as if it did at its end, if the other had by then: the difference is then no larger than
/// in truth.
pub(super) fn settle<'a>(
    mut ours: Measured<'a>,
    mut theirs: Measured<'a>,
) -> (Measured<'a>, Measured<'a>, Vec<String>) {
    let by_seed = |measured: &Measured<'a>| -> BTreeMap<u64, Seed<'a>> {
        measured.seeds.iter().map(|seed| (seed.value.seed, *seed)).collect()
    };
    let (a, b) = (by_seed(&ours), by_seed(&theirs));
    let known = |seed: &Seed| match (a.get(&seed.value.seed), b.get(&seed.value.seed)) {
        (Some(a), Some(b)) => match (a.unreached, b.unreached) {
            (true, true) => false,
            (true, false) => a.value.value >= b.value.value,
            (false, true) => b.value.value >= a.value.value,
            (false, false) => true,
        },
        _ => true,
    };
    let unknown: Vec<String> =
        ours.seeds.iter().filter(|seed| !known(seed)).map(|s| s.value.seed.to_string()).collect();
    ours.seeds.retain(known);
    theirs.seeds.retain(known);
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        let seeds = unknown.join(", ");
        notes.push(format!("Seeds {seeds} are left out: the level was not reached."));
    }
    for measured in [&ours, &theirs] {
        let late = measured.seeds.iter().filter(|seed| seed.unreached);
        let late: Vec<String> = late.map(|seed| seed.value.seed.to_string()).collect();
        if !late.is_empty() {
            notes.push(format!(
                "{} does not reach the level with seeds {}, and counts as if it did at the end.",
                measured.label,
                late.join(", ")
            ));
        }
    }
    (ours, theirs, notes)
}
