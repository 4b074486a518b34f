//! What the trials of a row measure of a quantity.

use std::collections::BTreeMap;
use std::io;

use experiments::schema::claim::{Level, Measure, Quantity};

use crate::comparison::{self, Value};
use crate::records::{Records, Trial, Variant};
use crate::series::{Sample, Series};

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
    pub(super) fn new(quantity: &'a Quantity, records: &'a Records) -> io::Result<Self> {
        match super::variant(records, &quantity.variant) {
            Some(variant) => Self::of(variant, quantity),
            None => Ok(Self { label: quantity.variant.clone(), quantity, seeds: Vec::new() }),
        }
    }

    /// The same quantity of `variant`.
    pub(super) fn of(variant: &'a Variant, quantity: &'a Quantity) -> io::Result<Self> {
        let seeds = if quantity.measure == Measure::Final {
            let finals = comparison::finals(variant, &quantity.metric).into_iter();
            finals.map(|value| Seed { value, unreached: false }).collect()
        } else {
            let seeds = variant.finished().map(|trial| Seed::of_series(trial, quantity));
            seeds.filter_map(Result::transpose).collect::<io::Result<_>>()?
        };
        Ok(Self { label: variant.label.clone(), quantity, seeds })
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

impl Seed<'_> {
    /// What the trial's points say of `quantity`, which is no final value.
    fn of_series(trial: &Trial, quantity: &Quantity) -> io::Result<Option<Self>> {
        let Some(series) = trial.series.get(&quantity.metric) else { return Ok(None) };
        let value = match quantity.measure {
            Measure::Final => None,
            Measure::At(step) => value_at(series, step)?,
            Measure::AtShare(share) => value_at_share(series, share)?,
            Measure::Steps(level) => reach(series, level, |sample| sample.step as f64)?,
            Measure::Seconds(level) => reach(series, level, |sample| sample.seconds)?,
        };
        Ok(value.map(|(value, unreached)| Seed {
            value: Value { seed: trial.seed, value, items: None },
            unreached,
        }))
    }
}

fn value_at(series: &Series, step: u64) -> io::Result<Option<(f64, bool)>> {
    for sample in series.samples() {
        let Sample { step: at, value, .. } = sample?;
        if at >= step {
            return Ok((at == step).then_some((value, false)));
        }
    }
    Ok(None)
}

/// The value of the last point that is not beyond that share of the way to the last step.
fn value_at_share(series: &Series, share: f64) -> io::Result<Option<(f64, bool)>> {
    let end = share * series.last().map_or(0.0, |last| last.step as f64);
    let mut latest = None;
    for sample in series.samples() {
        let Sample { step, value, .. } = sample?;
        if step as f64 > end {
            break;
        }
        latest = Some((value, false));
    }
    Ok(latest)
}

/// Where the level is first reached, or else the last place that is known.
fn reach(
    series: &Series,
    level: Level,
    place: impl Fn(Sample) -> f64,
) -> io::Result<Option<(f64, bool)>> {
    for sample in series.samples() {
        let sample = sample?;
        if level.is_reached(sample.value) {
            return Ok(Some((place(sample), false)));
        }
    }
    Ok(series.last().map(|last| (place(last), true)))
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
