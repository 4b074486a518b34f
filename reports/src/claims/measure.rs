//! The values of a claim's quantity, measured from the trials of a row.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use experiments::schema::claim::{Level, Measure, Quantity};

use crate::comparison::{self, Observation, Observations};
use crate::records::{Records, Trial, Variant};
use crate::series::{Sample, Series};

/// One quantity of one row, a value for each seed that has one.
#[derive(Debug, Clone)]
pub(super) struct MeasuredQuantity<'a> {
    /// The variant's name in the file.
    pub(super) name: &'a str,
    pub(super) label: String,
    quantity: &'a Quantity,
    values: Vec<SeedValue<'a>>,
    pub(super) deterministic: bool,
    /// Every seed of the file, in its order, and true if its trial has finished.
    seeds: Vec<(u64, bool)>,
}

#[derive(Debug, Clone, Copy)]
struct SeedValue<'a> {
    observation: Observation<'a>,
    /// True if the level was not reached by the last recorded point, whose step or second is then
    /// the value (right-censoring).
    censored: bool,
}

impl<'a> MeasuredQuantity<'a> {
    pub(super) fn new(quantity: &'a Quantity, records: &'a Records) -> io::Result<Self> {
        match variant(records, &quantity.variant) {
            Some(variant) => Self::of(variant, quantity),
            None => Ok(Self {
                name: &quantity.variant,
                label: quantity.variant.clone(),
                quantity,
                values: Vec::new(),
                deterministic: false,
                seeds: Vec::new(),
            }),
        }
    }

    /// The same quantity of `variant`.
    pub(super) fn of(variant: &'a Variant, quantity: &'a Quantity) -> io::Result<Self> {
        let values = if quantity.measure == Measure::Final {
            let finals = comparison::finals(variant, &quantity.metric).values;
            finals
                .into_iter()
                .map(|observation| SeedValue { observation, censored: false })
                .collect()
        } else {
            let values = variant.finished().map(|trial| SeedValue::of_series(trial, quantity));
            values.filter_map(Result::transpose).collect::<io::Result<_>>()?
        };
        let (name, label) = (variant.name.as_str(), variant.label.clone());
        let deterministic = variant.deterministic;
        let seeds = variant.trials.iter().map(|trial| (trial.seed, trial.is_finished())).collect();
        Ok(Self { name, label, quantity, values, deterministic, seeds })
    }

    /// The seeds that both rows have in the file, in its order, before the first that has not finished in
    /// both; and that one.
    pub(super) fn shared_seeds(&self, theirs: &Self) -> (Vec<u64>, Option<u64>) {
        let (random, other) = if self.deterministic { (theirs, self) } else { (self, theirs) };
        let of_other = |seed| other.seeds.iter().find(|(of_other, _)| *of_other == seed);
        let mut shared = Vec::new();
        for (seed, is_finished) in &random.seeds {
            let partner =
                if other.deterministic { Some(true) } else { of_other(*seed).map(|s| s.1) };
            match partner {
                Some(is_other_finished) if *is_finished && is_other_finished => shared.push(*seed),
                Some(_) => return (shared, Some(*seed)),
                None => {}
            }
        }
        (shared, None)
    }

    pub(super) fn observations(&self) -> Observations<'a> {
        let values = self.values.iter().map(|seed| seed.observation).collect();
        Observations { values, deterministic: self.deterministic }
    }

    pub(super) fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

    /// True unless this row's value and `theirs` are such that neither is known to be the lower.
    fn has_known_order(&self, theirs: &SeedValue) -> bool {
        let is_partner = |seed: &&SeedValue| {
            self.deterministic || seed.observation.seed == theirs.observation.seed
        };
        let Some(ours) = self.values.iter().find(is_partner) else { return true };
        match (ours.censored, theirs.censored) {
            (true, true) => false,
            (true, false) => ours.observation.value >= theirs.observation.value,
            (false, true) => theirs.observation.value >= ours.observation.value,
            (false, false) => true,
        }
    }

    /// The seeds of the file that are left out where this row is compared with `theirs` by the seeds `used`, in a
    /// sentence for each reason. A design `waits` for those that have not succeeded, and rows have their own numbers
    /// of seeds under it.
    pub(super) fn left_out(&self, theirs: &Self, used: &[u64], waits: bool) -> Vec<String> {
        let rows: Vec<&Self> =
            [self, theirs].into_iter().filter(|row| !row.deterministic).collect();
        let used: BTreeSet<&u64> = used.iter().collect();
        let all: BTreeSet<u64> =
            rows.iter().flat_map(|row| &row.seeds).map(|(seed, _)| *seed).collect();
        let (mut of_one_row, mut unfinished, mut without_value) =
            (Vec::new(), Vec::new(), Vec::new());
        for seed in all.into_iter().filter(|seed| !used.contains(seed)) {
            let in_rows = rows.iter().map(|row| row.seeds.iter().find(|(s, _)| *s == seed));
            let states: Vec<_> = in_rows.collect();
            if states.contains(&None) {
                of_one_row.push(seed);
            } else if states.into_iter().flatten().any(|(_, is_finished)| !is_finished) {
                unfinished.push(seed);
            } else {
                without_value.push(seed);
            }
        }
        // Levels that are not reached have sentences of their own.
        let is_value = !matches!(self.quantity.measure, Measure::Steps(_) | Measure::Seconds(_));
        let reasons = [
            (!waits, unfinished, "not succeeded in both rows"),
            (is_value, without_value, "no value in both rows that can be compared"),
            (!waits, of_one_row, "only one of the rows has them"),
        ];
        let reasons =
            reasons.into_iter().filter(|(applies, seeds, _)| *applies && !seeds.is_empty());
        let sentence = |(_, seeds, reason): (bool, Vec<u64>, &str)| {
            format!("Against {}, seeds are left out ({reason}): {}.", theirs.label, list(seeds))
        };
        reasons.map(sentence).collect()
    }

    /// A sentence on seeds of `used` that have the same values in this row and in `theirs`: those of a program that
    /// does not use its seed are no replications.
    pub(super) fn repeated(&self, theirs: &Self, used: &[u64]) -> Option<String> {
        if self.deterministic || theirs.deterministic {
            return None;
        }
        let bits = |row: &Self| -> BTreeMap<u64, u64> {
            let observations = row.values.iter().map(|value| value.observation);
            observations.map(|observed| (observed.seed, observed.value.to_bits())).collect()
        };
        let (ours, other) = (bits(self), bits(theirs));
        let mut by_values = BTreeMap::<_, Vec<u64>>::new();
        for &seed in used {
            let values = (*ours.get(&seed)?, *other.get(&seed)?);
            by_values.entry(values).or_default().push(seed);
        }
        let repeated = by_values.into_values().filter(|seeds| seeds.len() > 1);
        let mut repeated: Vec<Vec<u64>> = repeated.collect();
        repeated.sort_unstable();
        let lists: Vec<String> = repeated.into_iter().map(list).collect();
        (!lists.is_empty()).then(|| {
            format!(
                "Against {}, seeds have the same values in both rows ({}): if the program does not use its seed, \
                 they are no replications.",
                theirs.label,
                lists.join("; ")
            )
        })
    }

    /// A sentence if no trial has a value.
    pub(super) fn missing(&self) -> Option<String> {
        let Quantity { metric, measure, .. } = self.quantity;
        let what = match measure {
            Measure::Final => format!("final {metric}"),
            Measure::At(step) => format!("{metric} at step {step}"),
            Measure::AtShare(_) | Measure::Mean | Measure::Steps(_) | Measure::Seconds(_) => {
                format!("{metric} by step")
            }
        };
        self.values.is_empty().then(|| format!("{}: no finished trial has {what}.", self.label))
    }
}

impl SeedValue<'_> {
    /// The value of `quantity`, which is not a final value, in the trial's points.
    fn of_series(trial: &Trial, quantity: &Quantity) -> io::Result<Option<Self>> {
        let Some(series) = trial.series.get(&quantity.metric) else { return Ok(None) };
        let value = match quantity.measure {
            Measure::Final => None,
            Measure::At(step) => value_at(series, step)?,
            Measure::AtShare(share) => value_at_share(series, share)?,
            Measure::Mean => mean_over_steps(series)?.map(|mean| (mean, false)),
            Measure::Steps(level) => first_reaching(series, level, |sample| sample.step as f64)?,
            Measure::Seconds(level) => first_reaching(series, level, |sample| sample.seconds)?,
        };
        Ok(value.map(|(value, censored)| SeedValue {
            observation: Observation { seed: trial.seed, value, items: None },
            censored,
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

/// The value of the last point at or before `share` times the last step.
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

/// The area under the curve from its first to its last step, by trapezoids, divided by the steps between; of a
/// single point its value.
fn mean_over_steps(series: &Series) -> io::Result<Option<f64>> {
    let mut samples = series.samples();
    let Some(first) = samples.next().transpose()? else { return Ok(None) };
    let (mut area, mut last) = (0.0, first);
    for sample in samples {
        let sample = sample?;
        area += (sample.step - last.step) as f64 * (sample.value + last.value) / 2.0;
        last = sample;
    }
    let steps = (last.step - first.step) as f64;
    Ok(Some(if steps > 0.0 { area / steps } else { last.value }))
}

/// The step or second of the first point that reaches the level, or else of the last point,
/// censored.
fn first_reaching(
    series: &Series,
    level: Level,
    position: impl Fn(Sample) -> f64,
) -> io::Result<Option<(f64, bool)>> {
    for sample in series.samples() {
        let sample = sample?;
        if level.is_reached(sample.value) {
            return Ok(Some((position(sample), false)));
        }
    }
    Ok(series.last().map(|last| (position(last), true)))
}

/// Removes the seeds of which the order of the two rows is unknown. A censored value counts as the
/// last recorded step or second, if the other row had reached the level by then: the difference is
/// then no larger than the true one.
pub(super) fn resolve_censored<'a>(
    mut ours: MeasuredQuantity<'a>,
    mut theirs: MeasuredQuantity<'a>,
) -> (MeasuredQuantity<'a>, MeasuredQuantity<'a>, Vec<String>) {
    let (a, b) = (ours.clone(), theirs.clone());
    ours.values.retain(|seed| a.deterministic || b.has_known_order(seed));
    theirs.values.retain(|seed| b.deterministic || a.has_known_order(seed));
    let of_seeds = if a.deterministic { [&b, &theirs] } else { [&a, &ours] };
    let [all, known] = of_seeds.map(|measured| measured.values.iter());
    let known: Vec<u64> = known.map(|seed| seed.observation.seed).collect();
    let unknown = seed_list(all.filter(|seed| !known.contains(&seed.observation.seed)));
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        notes.push(format!("Seeds {unknown} are left out: the level was not reached."));
    }
    for measured in [&ours, &theirs] {
        let censored = seed_list(measured.values.iter().filter(|seed| seed.censored));
        if !censored.is_empty() {
            notes.push(format!(
                "{} does not reach the level with seeds {censored}, and counts as if it did at the end.",
                measured.label
            ));
        }
    }
    (ours, theirs, notes)
}

fn seed_list<'a>(seeds: impl Iterator<Item = &'a SeedValue<'a>>) -> String {
    list(seeds.map(|seed| seed.observation.seed))
}

fn list(seeds: impl IntoIterator<Item = u64>) -> String {
    seeds.into_iter().map(|seed| seed.to_string()).collect::<Vec<_>>().join(", ")
}

fn variant<'a>(records: &'a Records, name: &str) -> Option<&'a Variant> {
    records.variants.iter().find(|variant| variant.name == name)
}
