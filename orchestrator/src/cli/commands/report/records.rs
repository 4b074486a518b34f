//! Reads the records of a run that a report draws.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use experiments::expand::Row;
use experiments::protocol::trial_id::TrialId;
use experiments::schema::claim::Measure;
use experiments::schema::metric_use::Values;
use experiments::schema::report::{Figure, Report, X};
use reports::records::{Artifact, Records, Trial, TrialState, Variant};
use reports::series::Spool;
use serde_json::{Map, Value};

use crate::run_dir::RunDir;
use crate::run_dir::ownership::{AttemptStatus, attempt_status};
use crate::run_dir::trial::{FileOfTrialError, file_of_trial};
use crate::scheduler::State;
use crate::store::{ArtifactRecord, Samples, Store, StoreError, Times, TrialRecord};

/// The parts of a report's records that are not in the database.
#[derive(Debug, Clone)]
pub(crate) struct Heading<'a> {
    /// As the file names it.
    pub(crate) experiment: &'a str,
    /// `None` where the file has no profiles.
    pub(crate) profile: Option<&'a str>,
    /// The profile's caption, with the values that `--set` changed.
    pub(crate) caption: &'a str,
    /// Name and label of every row, in table order.
    pub(crate) rows: &'a [Row],
    /// Every trial's config, by its id.
    pub(crate) configs: &'a BTreeMap<String, Map<String, Value>>,
}

/// The records cannot be read for a report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The points of long series cannot be written to a temporary file.
    #[error("cannot write points to a temporary file in `{}`", folder.display())]
    Spool {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Reads everything that `report` draws of a run, without retired trials. Points that are too many
/// for memory are in a temporary file in `spool_folder` until the records are dropped.
pub(crate) async fn collect(
    store: &mut Store,
    dir: &RunDir,
    heading: &Heading<'_>,
    report: &Report,
    spool_folder: &Path,
) -> Result<Records, CollectError> {
    let trials = store.trials().await?;
    let mut results = store.results().await?;
    let (timed, mut series, mut spool) = (timed(report), BTreeMap::new(), Spool::new(spool_folder));
    for metric in used(report, Values::ByStep) {
        let times = if timed.contains(metric) { Times::Read } else { Times::Left };
        let mut of = BTreeMap::new();
        let spool_error = |source| CollectError::Spool { folder: spool_folder.to_owned(), source };
        let put = |trial, samples: &mut Samples| {
            let samples = samples.map(|sample| sample.map_err(CollectError::from));
            of.insert(trial, spool.put(samples, spool_error)?);
            Ok::<_, CollectError>(())
        };
        store.each_series(metric, times, put).await?;
        series.insert(metric.to_owned(), of);
    }
    let mut items = BTreeMap::new();
    for metric in used(report, Values::Final) {
        items.insert(metric.to_owned(), store.final_items(metric).await?);
    }
    // Open claims and `orch plan` say how long more seeds will take.
    let is_planned = !report.claims.is_empty();
    let mut variants = Vec::new();
    for row in heading.rows {
        let mut of_row = Vec::new();
        for trial in trials_of(row, &trials, report) {
            let artifacts = store.artifacts(&trial.id).await?;
            let folder = dir.trial(&trial.id);
            of_row.push(Trial {
                id: trial.id.0.clone(),
                seed: trial.seed,
                state: state(trial),
                results: results.remove(&trial.id).unwrap_or_default(),
                items: of_trial(&mut items, &trial.id),
                series: of_trial(&mut series, &trial.id),
                seconds: is_planned.then(|| training_seconds(dir, trial)).flatten(),
                config: heading.configs.get(&trial.id.0).cloned().unwrap_or_default(),
                artifacts: artifacts.into_iter().filter_map(|a| artifact(a, &folder)).collect(),
            });
        }
        variants.push(Variant {
            name: row.name.clone(),
            label: row.label.clone(),
            trials: of_row,
            deterministic: row.deterministic,
            run: None,
        });
    }
    Ok(Records {
        experiment: heading.experiment.to_owned(),
        profile: heading.profile.map(str::to_owned),
        caption: heading.caption.to_owned(),
        variants,
        metrics: store.metrics().await?,
        by_step: store.metrics_with_points().await?,
        ..Records::default()
    })
}

/// The trials of a row that are not retired: in the order of the file, under a design in that of its looks.
fn trials_of<'a>(row: &Row, trials: &'a [TrialRecord], report: &Report) -> Vec<&'a TrialRecord> {
    let mut of_row: Vec<_> =
        trials.iter().filter(|trial| !trial.retired && trial.variant == row.name).collect();
    if report.design.is_some() {
        // An order that was chosen by the results would find whatever is looked for.
        of_row.sort_by_key(|trial| trial.first_planned);
    }
    of_row
}

/// Seconds that the attempts of a trial that count have taken; None if none is recorded.
fn training_seconds(dir: &RunDir, trial: &TrialRecord) -> Option<f64> {
    let attempts = trial.first_attempt..=trial.counting_attempt()?.number;
    let seconds: Vec<f64> = attempts
        .filter_map(|number| match attempt_status(&dir.attempt(&trial.id, number)) {
            Ok(AttemptStatus::Ended(exit)) => Some(exit.seconds()),
            _ => None,
        })
        .collect();
    (!seconds.is_empty()).then(|| seconds.iter().sum())
}

/// The metrics of which `report` uses these values.
fn used(report: &Report, values: Values) -> BTreeSet<&str> {
    let uses = report.metric_uses().into_iter().filter(|used| used.values == values);
    uses.map(|used| used.metric).collect()
}

/// The metrics that are drawn against time, or compared by it.
fn timed(report: &Report) -> BTreeSet<&str> {
    let claimed = report.claims.iter().flat_map(|claim| claim.compare.quantities());
    let claimed = claimed.filter(|quantity| matches!(quantity.measure, Measure::Seconds(_)));
    let drawn = report.figures.iter().filter_map(|figure| match figure {
        Figure::Curve(curve) if curve.x == X::Seconds => Some(curve.metric.as_str()),
        _ => None,
    });
    drawn.chain(claimed.map(|quantity| quantity.metric.as_str())).collect()
}

/// Removes a trial's values from `all`, and returns them by metric.
fn of_trial<T>(
    all: &mut BTreeMap<String, BTreeMap<TrialId, T>>,
    trial: &TrialId,
) -> BTreeMap<String, T> {
    all.iter_mut().filter_map(|(metric, of)| Some((metric.clone(), of.remove(trial)?))).collect()
}

fn state(trial: &TrialRecord) -> TrialState {
    match &trial.state {
        State::Succeeded { .. } => TrialState::Succeeded,
        State::Failed { class, .. } => TrialState::Unfinished(format!("failed ({class})")),
        State::Queued { .. } if trial.counting_attempt().is_none() => {
            TrialState::Unfinished("not run".to_owned())
        }
        other => TrialState::Unfinished(other.name().to_owned()),
    }
}

/// The artifact, or `None` if its path leaves the trial's folder. Its file may be missing.
fn artifact(row: ArtifactRecord, folder: &Path) -> Option<Artifact> {
    let path = Path::new(&row.path);
    if let Err(error @ FileOfTrialError::Outside { .. }) = file_of_trial(folder, path) {
        tracing::warn!("{error}; it is skipped");
        return None;
    }
    let path = folder.join(path);
    Some(Artifact { name: row.name, item: row.item, step: row.step, path })
}
