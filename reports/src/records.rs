//! The input of a report: one run's records as plain data. The owner of the records (a database, a
//! test) fills these in; nothing here knows where they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use experiments::protocol::events::MetricInfo;
use experiments::schema::report::Report;
use serde_json::{Map, Value};

use crate::series::Series;

/// All records of one run that its report shows.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Name of the experiment.
    pub experiment: String,
    /// The profile it ran under, if the file has profiles.
    pub profile: Option<String>,
    /// The profile's own caption: scale, data, what the numbers are not.
    pub caption: String,
    /// The variants in table order.
    pub variants: Vec<Variant>,
    /// Description and unit of each metric, by name, as the worker reported them.
    pub metrics: BTreeMap<String, MetricInfo>,
    /// Every metric of which there are points without an item, drawn or not.
    pub by_step: BTreeSet<String>,
    /// Sentences below the claims: doubts about their design.
    pub claim_notes: Vec<String>,
    /// The origin of the run.
    pub run: RunFacts,
    /// The origin of each trial's results in words, by its identifier: attempt, time, machine, code.
    pub origins: BTreeMap<String, String>,
}

/// The origin of a run in words, for readers; empty as far as it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// The file's description.
    pub description: String,
    /// The command line of its newest `orch run`.
    pub command: String,
    /// The commits of its code.
    pub commit: String,
    /// The times of its first and last start.
    pub date: String,
    /// The machines that it ran on.
    pub machine: String,
}

/// One row of the table.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// Its name in the file: a figure's `variants` and a table's `baseline` refer to it.
    pub name: String,
    /// The name shown to readers.
    pub label: String,
    /// Every trial that the file asks for, run or not, in the order of the seeds. Under a design, looks take
    /// them in this order, which must not depend on the results.
    pub trials: Vec<Trial>,
    /// True if its results do not depend on the seed: its one trial is compared with every seed of the
    /// other rows.
    pub deterministic: bool,
    /// The other run that the row comes from; None for the report's own rows. Claims ignore rows of
    /// other runs.
    pub run: Option<String>,
}

/// One variant under one seed.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Its identifier, for example `sr3-s0-1f2e3d4c`.
    pub id: String,
    /// The seed of all its random numbers; pairs trials of two variants.
    pub seed: u64,
    /// Only a succeeded trial counts.
    pub state: TrialState,
    /// Final values by metric. Those of a trial that has not succeeded are not used.
    pub results: BTreeMap<String, f64>,
    /// Final values of single items, for example of validation images, by metric and item.
    pub items: BTreeMap<String, BTreeMap<String, f64>>,
    /// Points without an item, by metric. [`crate::series::Sample::seconds`] is needed only of a
    /// metric that is drawn against time, or compared by it.
    pub series: BTreeMap<String, Series>,
    /// Seconds that its attempts have taken; None if they are not known or not needed.
    pub seconds: Option<f64>,
    /// The resolved config, every default filled in; empty if it is not known.
    pub config: Map<String, Value>,
    /// Image artifacts, in the order they were written.
    pub artifacts: Vec<Artifact>,
}

/// A metric's final values of single items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ItemValues<'a> {
    /// By item.
    pub(crate) values: &'a BTreeMap<String, f64>,
    /// True if the trial's final value is the mean of the finite ones, see [`is_mean`].
    pub(crate) mean_is_result: bool,
}

/// Relative error of a mean in single precision, summed in any order.
const SINGLE_PRECISION: f64 = 1e-5;
/// Digits that a value needs so that it may be a rounded mean; a shorter one is too often near by chance.
const ROUNDED_DIGITS: usize = 3;

/// True if `value` is the mean of the finite `items`: as computed in single precision, or rounded to the
/// digits that it has, three or more; or not a finite number, as one of the items.
fn is_mean(value: f64, items: &BTreeMap<String, f64>) -> bool {
    let finite: Vec<f64> = items.values().copied().filter(|v| v.is_finite()).collect();
    if !value.is_finite() {
        return finite.len() < items.len();
    }
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let text = value.abs().to_string();
    let digits = text.replace('.', "").trim_start_matches('0').len();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = if digits < ROUNDED_DIGITS { 0.0 } else { 0.5 * 0.1_f64.powi(decimals as i32) };
    (mean - value).abs() <= half.max(SINGLE_PRECISION * value.abs().max(mean.abs()))
}

/// The outcome of a trial: a table counts it or gives the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialState {
    /// It ended well; its results count.
    Succeeded,
    /// Anything else, in a word or two for the table's note: `running`, `failed (diverged)`,
    /// `not run`.
    Unfinished(String),
}

/// An image file that a worker wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The artifact's name, for example `sample`; a figure of images refers to it.
    pub name: String,
    /// The item that it shows, for example a validation image; None if it shows no single one.
    pub item: Option<String>,
    /// Training step that it belongs to.
    pub step: u64,
    /// Absolute path of a PNG file.
    pub path: PathBuf,
}

impl TrialState {
    /// `succeeded`, or the reason why not.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Unfinished(why) => why,
        }
    }
}

impl Records {
    /// The sentences below the claims that are not below the table of `report` as well.
    pub(crate) fn claim_notes_beside_table(&self, report: &Report) -> Vec<String> {
        let of_table: Vec<&String> = report.table.iter().flat_map(|table| &table.notes).collect();
        self.claim_notes.iter().filter(|note| !of_table.contains(note)).cloned().collect()
    }

    /// The variants named, in table order; all if none is named.
    pub(crate) fn select<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a Variant> {
        self.variants.iter().filter(|v| names.is_empty() || names.contains(&v.name))
    }
}

impl Trial {
    /// True for a trial that succeeded.
    pub fn is_finished(&self) -> bool {
        self.state == TrialState::Succeeded
    }

    /// The final values of `metric` by item; None without any, or without a final value.
    pub(crate) fn items_of(&self, metric: &str) -> Option<ItemValues<'_>> {
        let (value, values) = (self.results.get(metric)?, self.items.get(metric)?);
        Some(ItemValues { values, mean_is_result: is_mean(*value, values) })
    }
}

impl Variant {
    /// A copy for a table: without curves, configs and images, which may be large.
    pub(crate) fn without_curves(&self) -> Self {
        let trials = self.trials.iter().map(|trial| Trial {
            id: trial.id.clone(),
            seed: trial.seed,
            state: trial.state.clone(),
            results: trial.results.clone(),
            items: trial.items.clone(),
            series: BTreeMap::new(),
            seconds: trial.seconds,
            config: Map::new(),
            artifacts: Vec::new(),
        });
        Self {
            name: self.name.clone(),
            label: self.label.clone(),
            trials: trials.collect(),
            deterministic: self.deterministic,
            run: self.run.clone(),
        }
    }

    /// The label, with a dagger if a trial is missing.
    pub(crate) fn marked_label(&self) -> String {
        let mark = if self.is_complete() { "" } else { "†" };
        format!("{}{mark}", self.label)
    }

    /// The trials that succeeded, in the order of the seeds.
    pub(crate) fn finished(&self) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(|t| t.is_finished())
    }

    /// True if the file asks for trials and every one of them succeeded.
    pub(crate) fn is_complete(&self) -> bool {
        !self.trials.is_empty() && self.trials.iter().all(Trial::is_finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_value_is_the_mean_of_its_items_as_far_as_its_digits_go() {
        let items = |values: &[f64]| -> BTreeMap<String, f64> {
            values.iter().enumerate().map(|(i, value)| (i.to_string(), *value)).collect()
        };
        let thirds = items(&[20.0, 21.0, 23.0]);
        // 64 / 3 = 21.333 333 3…; in single precision 21.333 334.
        for mean in [64.0 / 3.0, f64::from(64.0_f32 / 3.0), 21.3333, 21.33, 21.3] {
            assert!(is_mean(mean, &thirds), "{mean}");
        }
        // Rounded wrongly, to too few digits, or the median.
        for other in [21.34, 21.4, 21.0, 21.0 + 1e-12, f64::NAN, f64::INFINITY] {
            assert!(!is_mean(other, &thirds), "{other}");
        }
        assert!(is_mean(-0.001_35, &items(&[-0.001_351, -0.001_352])));
        assert!(!is_mean(-0.001_3, &items(&[-0.001_351, -0.001_352])));
        let hole = items(&[20.0, f64::NAN, 21.0]);
        assert!(is_mean(f64::NAN, &hole) && is_mean(20.5, &hole));
        assert!(!is_mean(20.0, &hole));
    }
}
